//! Relay addresses and invites as text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use proptest::prelude::*;
use sotto_suite::secret::Secret;
use sotto_wire::*;

const IDENTITY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

fn identity() -> RelayIdentity {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
    RelayIdentity(bytes)
}

fn invite(host: &str, plain: bool) -> Invite {
    Invite {
        relay: RelayAddress::new(host, 65535, identity(), plain).unwrap(),
        inbox: ChannelId([0xc0; 16]),
        account: [0xac; 32],
        secret: Secret::new([0x5e; 32]),
        expires: 1_800_000_000,
        single_use: true,
    }
}

#[test]
fn addresses_are_read_and_written_the_same() {
    for (text, host, plain) in [
        ("sotto-relay://relay.example:7443#", "relay.example", false),
        ("sotto-relay://192.0.2.7:7443#", "192.0.2.7", false),
        ("sotto-relay://[2001:db8::1]:7443#", "2001:db8::1", false),
        ("sotto-relay+plain://localhost:7443#", "localhost", true),
        ("sotto-relay+plain://127.0.0.2:7443#", "127.0.0.2", true),
        ("sotto-relay+plain://[::1]:7443#", "::1", true),
    ] {
        let text = format!("{text}{IDENTITY}");
        let address: RelayAddress = text.parse().unwrap();
        let expected = RelayAddress {
            host: host.into(),
            port: 7443,
            identity: identity(),
            plain,
        };
        assert_eq!(address, expected);
        assert_eq!(address.to_string(), text);
        assert_eq!(format!(" {text}\n").parse(), Ok(expected.clone()));
        assert_eq!(decode(&encode(&address), 200), Ok(expected));
    }
    let other: RelayAddress = format!("sotto-relay://RELAY.Example:1#{IDENTITY}")
        .parse()
        .unwrap();
    assert_eq!(other.host_port(), "relay.example:1");
    let other: RelayAddress = format!("sotto-relay://[2001:DB8:0:0::1]:1#{IDENTITY}")
        .parse()
        .unwrap();
    assert_eq!(other.host_port(), "[2001:db8::1]:1");
}

#[test]
fn what_is_no_address_is_refused_for_its_reason() {
    use AddressError::*;
    for (start, error) in [
        ("", Malformed),
        ("https://relay.example:7443", Malformed),
        ("sotto-relay:relay.example:7443", Malformed),
        ("sotto-relay://relay.example", Port),
        ("sotto-relay://relay.example:", Port),
        ("sotto-relay://relay.example:0", Port),
        ("sotto-relay://relay.example:07443", Port),
        ("sotto-relay://relay.example:+743", Port),
        ("sotto-relay://relay.example:65536", Port),
        ("sotto-relay://:7443", Host),
        ("sotto-relay://relay..example:7443", Host),
        ("sotto-relay://-relay.example:7443", Host),
        ("sotto-relay://relay-.example:7443", Host),
        ("sotto-relay://relay_.example:7443", Host),
        ("sotto-relay://relay.example.:7443", Host),
        ("sotto-relay://alice@relay.example:7443", Host),
        ("sotto-relay://relay.example/x:7443", Host),
        ("sotto-relay://bücher.example:7443", Host),
        ("sotto-relay://1.2.3:7443", Host),
        ("sotto-relay://1.2.3.256:7443", Host),
        ("sotto-relay://1.2.3.04:7443", Host),
        ("sotto-relay://0x7f000001:7443", Host),
        ("sotto-relay://2130706433:7443", Host),
        ("sotto-relay://2001:db8::1:7443", Host),
        ("sotto-relay://[relay.example]:7443", Host),
        ("sotto-relay://[fe80::1%eth0]:7443", Host),
        ("sotto-relay://[::1:7443", Host),
        (
            "sotto-relay://aaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaa:7443",
            Host,
        ),
        ("sotto-relay+plain://relay.example:7443", PlainRemote),
        ("sotto-relay+plain://192.0.2.7:7443", PlainRemote),
        ("sotto-relay+plain://localhost.example:7443", PlainRemote),
    ] {
        assert_eq!(
            format!("{start}#{IDENTITY}").parse::<RelayAddress>(),
            Err(error),
            "{start}"
        );
    }
    for (end, error) in [
        ("", Malformed),
        ("#", Identity),
        ("#AQID", Identity),
        (&format!("#{IDENTITY}=")[..], Malformed),
        (&format!("#{}+", &IDENTITY[1..])[..], Identity),
        // The last character carries two bits that must be zero.
        (&format!("#{}B", &IDENTITY[..42])[..], Identity),
    ] {
        let text = format!("sotto-relay://relay.example:7443{end}");
        let found = text.parse::<RelayAddress>();
        assert!(
            found == Err(error) || found == Err(Identity),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_decoded_address_keeps_the_rules_too() {
    let address = |host: &str, port, plain| {
        let host = host.into();
        encode(&RelayAddress {
            host,
            port,
            identity: identity(),
            plain,
        })
    };
    assert!(decode::<RelayAddress>(&address("relay.example", 1, false), 200).is_ok());
    for bad in [
        address("RELAY.example", 1, false),
        address("relay.example", 0, false),
        address("relay.example", 1, true),
        address("a b", 1, false),
    ] {
        assert!(decode::<RelayAddress>(&bad, 200).is_err());
    }
}

#[test]
fn an_invite_is_a_link_of_220_bytes_at_most_and_reads_back() {
    let longest = "2001:db80:1111:2222:3333:4444:5555:6666";
    let name = "a23456789.b23456789.c23456789.example.or";
    assert_eq!(name.len(), limits::MAX_HOST);
    for (host, plain) in [
        (longest, false),
        (name, false),
        ("192.0.2.7", false),
        ("localhost", true),
    ] {
        let invite = invite(host, plain);
        let link = invite.to_string();
        assert!(
            link.len() <= limits::MAX_INVITE_LINK,
            "{} bytes: {link}",
            link.len()
        );
        assert_eq!(link.parse(), Ok(invite.clone()));
        assert_eq!(invite.app_link().parse(), Ok(invite.clone()));
        assert_eq!(
            invite.app_link().replacen("sotto:", "SOTTO://", 1).parse(),
            Ok(invite)
        );
    }
    assert_eq!(invite(longest, false).link().len(), 220);
}

#[test]
fn the_link_is_what_it_has_always_been() {
    assert_eq!(
        invite("relay.example", false).link(),
        include_str!("vectors/invite.txt").trim(),
        "a change here makes every invite in the world damaged"
    );
}

#[test]
fn links_are_read_as_people_paste_them() {
    let invite = invite("relay.example", false);
    let link = invite.link();
    for text in [
        format!("  {link}\n"),
        format!("<{link}>"),
        format!("({link})."),
        format!("\"{link}\","),
        format!("“{link}”!"),
        format!("**{link}**"),
        format!("`{link}`;"),
        format!("{link}…"),
        link.replacen("https", "HTTPS", 1),
        link.replacen("relay.example", "Relay.Example", 1),
    ] {
        assert_eq!(text.parse(), Ok(invite.clone()), "{text}");
    }
}

#[test]
fn an_invite_is_damaged_newer_or_none_at_all() {
    let link = invite("relay.example", false).link();
    for none in [
        "",
        "hello",
        "https://relay.example:7443/",
        "https://relay.example/x#y",
        "https://a/b/i#AAAA",
        "mailto:alice@relay.example",
        &format!("sotto-relay://relay.example:7443#{IDENTITY}"),
        &"x".repeat(3000),
    ] {
        assert_eq!(
            none.parse::<Invite>(),
            Err(InviteError::NotAnInvite),
            "{none}"
        );
    }
    for damaged in [
        &link[..link.len() - 1],
        &link[..60],
        "https://relay.example:65535/i",
        "https://relay.example:65535/i#",
        "sotto:relay",
        "sotto:relay.example",
        &link.replacen("relay.example", "relax.example", 1),
        &link.replacen(":65535", ":65534", 1),
        &link.replacen(":65535", "", 1),
        &format!("{link}AAAA"),
    ] {
        assert_eq!(
            damaged.parse::<Invite>(),
            Err(InviteError::Damaged),
            "{damaged}"
        );
    }
    let at = link.find('#').unwrap() + 1;
    for n in at..link.len() {
        let mut bytes = link.clone().into_bytes();
        bytes[n] = if bytes[n] == b'x' { b'y' } else { b'x' };
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.parse::<Invite>(), Err(InviteError::Damaged), "{text}");
    }
    assert_eq!(
        include_str!("vectors/invite_newer.txt").parse::<Invite>(),
        Err(InviteError::NewerVersion(2))
    );
}

#[test]
fn an_invite_shows_its_secret_in_the_link_alone() {
    let invite = invite("relay.example", false);
    let shown = format!("{invite:?}");
    assert!(
        !shown.contains("5e5e") && !shown.contains("94, 94"),
        "{shown}"
    );
    assert!(!shown.contains("Xl5e"), "{shown}");
    assert!(shown.contains("redacted"), "{shown}");
}

#[test]
fn the_corpora_still_do_no_harm() {
    let mut seen = 0;
    for folder in ["relay_address", "invite"] {
        let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            reads_to_itself(&String::from_utf8_lossy(&bytes));
            seen += 1;
        }
    }
    assert!(seen >= 12, "only {seen} files");
}

fn reads_to_itself(text: &str) {
    if let Ok(address) = text.parse::<RelayAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
        assert_eq!(decode(&encode(&address), 200), Ok(address));
    }
    if let Ok(invite) = text.parse::<Invite>() {
        assert!(invite.link().len() <= limits::MAX_INVITE_LINK);
        assert_eq!(invite.link().parse(), Ok(invite));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        reads_to_itself(&text);
    }

    #[test]
    fn anything_like_an_address_is_read_or_refused(
        host in "[a-zA-Z0-9.:\\[\\]-]{0,45}", port in "[0-9]{0,6}", plain in any::<bool>()
    ) {
        let plain = if plain { "+plain" } else { "" };
        reads_to_itself(&format!("sotto-relay{plain}://{host}:{port}#{IDENTITY}"));
    }

    #[test]
    fn any_invite_survives_its_link(
        host in "[a-z][a-z0-9]{0,12}\\.[a-z]{1,12}", port in 1..=u16::MAX, identity in any::<[u8; 32]>(),
        inbox in any::<[u8; 16]>(), account in any::<[u8; 32]>(), secret in any::<[u8; 32]>(),
        minutes in any::<u32>(), seconds in 0..60u64, single_use in any::<bool>(),
    ) {
        let invite = Invite {
            relay: RelayAddress::new(&host, port, RelayIdentity(identity), false).unwrap(),
            inbox: ChannelId(inbox), account, secret: Secret::new(secret),
            expires: u64::from(minutes) * 60 - seconds.min(u64::from(minutes) * 60), single_use,
        };
        let read: Invite = invite.link().parse().unwrap();
        prop_assert!(read.expires >= invite.expires && read.expires < invite.expires + 60);
        prop_assert_eq!(read, Invite { expires: invite.expires.div_ceil(60) * 60, ..invite });
    }
}
