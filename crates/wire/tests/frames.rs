//! Frames: the bytes they are, and the bytes they are not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::collections::BTreeMap;

use common::*;
use proptest::prelude::*;
use sotto_wire::*;

/// Lines of `name hex`.
fn vectors(text: &str) -> BTreeMap<String, Vec<u8>> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, bytes) = line.split_once(' ').unwrap();
            (name.to_owned(), unhex(bytes))
        })
        .collect()
}

#[test]
fn every_client_frame_is_the_bytes_in_the_vectors() {
    let vectors = vectors(include_str!("vectors/client.txt"));
    let samples = client_samples();
    assert_eq!(vectors.len(), samples.len());
    for (name, frame) in samples {
        assert_eq!(hex(&encode(&frame)), hex(&vectors[name]), "{name}");
        assert_eq!(
            decode::<ClientFrame>(&vectors[name], limits::MAX_FRAME),
            Ok(frame),
            "{name}"
        );
    }
}

#[test]
fn every_relay_frame_is_the_bytes_in_the_vectors() {
    let vectors = vectors(include_str!("vectors/relay.txt"));
    let samples = relay_samples();
    assert_eq!(vectors.len(), samples.len());
    for (name, frame) in samples {
        assert_eq!(hex(&encode(&frame)), hex(&vectors[name]), "{name}");
        assert_eq!(
            decode::<RelayFrame>(&vectors[name], limits::MAX_FRAME),
            Ok(frame),
            "{name}"
        );
    }
}

/// Each line of the vectors of refusals: `reason hex`.
#[test]
fn malformed_frames_are_refused_for_their_reason() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for line in include_str!("vectors/refused.txt").lines() {
        let Some((expected, bytes)) = line.split_once(" | ").filter(|_| !line.starts_with('#'))
        else {
            continue;
        };
        let bytes = unhex(bytes.split(" ; ").next().unwrap());
        let found = decode::<ClientFrame>(&bytes, limits::MAX_HELLO)
            .map_or_else(|error| error.to_string(), |frame| format!("{frame:?}"));
        if found != expected {
            wrong.push(format!("{found} instead of {line}"));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen >= 20, "only {seen} vectors");
}

#[test]
fn a_field_that_is_unknown_is_passed_over() {
    // `{0: channel, 1: subscriber, 9: [1, {2: h'00'}]}` inside a subscribe.
    let command = Command::Subscribe {
        channel: CHANNEL,
        subscriber: key(3),
    };
    let known = encode(&ClientFrame::Request {
        id: 7,
        command: command.clone(),
    });
    let at = known.len() - encode(&command).len() + 2;
    assert_eq!(known[at], 0xa2);
    let mut longer = known.clone();
    longer[at] = 0xa3;
    longer.extend_from_slice(&unhex("09 8201a10241ff"));
    assert_eq!(
        decode::<ClientFrame>(&longer, limits::MAX_FRAME),
        Ok(ClientFrame::Request { id: 7, command })
    );
}

#[test]
fn a_request_of_an_unknown_kind_can_still_be_answered() {
    // [1, {0: 77, 1: [99, {}]}]
    let bytes = unhex("82 01 a2 00 184d 01 82 1863 a0");
    assert_eq!(
        decode::<ClientFrame>(&bytes, limits::MAX_FRAME),
        Err(DecodeError::Unknown)
    );
    assert_eq!(request_id(&bytes), Some(77));
    // A frame of an unknown kind has no id: [9, {}].
    assert_eq!(
        decode::<ClientFrame>(&unhex("8209a0"), 100),
        Err(DecodeError::Unknown)
    );
    assert_eq!(request_id(&unhex("8209a0")), None);
    // Nor has a hello, or what is not deterministic.
    assert_eq!(request_id(&encode(&client_samples()[0].1)), None);
    assert_eq!(request_id(&unhex("82 01 a2 00 1807 01 82 1863 a0")), None);
    assert_eq!(request_id(&[]), None);
}

#[test]
fn lists_end_at_their_limit() {
    let create = |writers| ClientFrame::Request {
        id: 1,
        command: Command::Create {
            channel: CHANNEL,
            admin: key(1),
            writers,
            subscribers: vec![],
        },
    };
    let fits = create(vec![key(2); limits::MAX_KEYS]);
    assert_eq!(
        decode::<ClientFrame>(&encode(&fits), limits::MAX_FRAME),
        Ok(fits)
    );
    let over = encode(&create(vec![key(2); limits::MAX_KEYS + 1]));
    assert!(decode::<ClientFrame>(&over, limits::MAX_FRAME).is_err());
    assert_eq!(request_id(&over), Some(1));

    let take = |slots| ClientFrame::Request {
        id: 1,
        command: Command::Take {
            channel: CHANNEL,
            writer: key(1),
            slots,
        },
    };
    let slot = SlotId([1; 16]);
    assert!(decode::<ClientFrame>(&encode(&take(vec![slot; limits::MAX_SLOTS])), 4096).is_ok());
    assert!(
        decode::<ClientFrame>(&encode(&take(vec![slot; limits::MAX_SLOTS + 1])), 4096).is_err()
    );
}

#[test]
fn a_frame_longer_than_allowed_is_refused_by_its_length() {
    let bytes = encode(&client_samples()[0].1);
    assert_eq!(
        decode::<ClientFrame>(&bytes, bytes.len() - 1),
        Err(DecodeError::TooLong {
            len: bytes.len(),
            max: bytes.len() - 1
        })
    );
}

/// Whatever decodes is in its one spelling, unless it has fields that this build does not know.
fn decodes_to_itself(bytes: &[u8]) {
    if let Ok(frame) = decode::<ClientFrame>(bytes, limits::MAX_FRAME) {
        assert!(encode(&frame).len() <= bytes.len(), "{frame:?}");
        assert_eq!(
            decode::<ClientFrame>(&encode(&frame), limits::MAX_FRAME),
            Ok(frame)
        );
    }
    if let Ok(frame) = decode::<RelayFrame>(bytes, limits::MAX_FRAME) {
        assert!(encode(&frame).len() <= bytes.len(), "{frame:?}");
        assert_eq!(
            decode::<RelayFrame>(&encode(&frame), limits::MAX_FRAME),
            Ok(frame)
        );
    }
    request_id(bytes);
}

#[test]
fn the_corpora_still_do_no_harm() {
    let mut seen = 0;
    for folder in ["client_frame", "relay_frame"] {
        let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).unwrap() {
            decodes_to_itself(&std::fs::read(file.unwrap().path()).unwrap());
            seen += 1;
        }
    }
    assert!(seen >= 30, "only {seen} files");
}

fn sample_bytes() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<Vec<u8>> = client_samples()
        .iter()
        .map(|(_, frame)| encode(frame))
        .chain(relay_samples().iter().map(|(_, frame)| encode(frame)))
        .collect();
    prop::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decodes_to_itself(&bytes);
    }

    #[test]
    fn a_frame_with_one_byte_changed_never_has_a_second_spelling(
        mut bytes in sample_bytes(), at in any::<prop::sample::Index>(), to in any::<u8>()
    ) {
        let at = at.index(bytes.len());
        bytes[at] = to;
        decodes_to_itself(&bytes);
    }

    #[test]
    fn a_frame_cut_short_is_refused(bytes in sample_bytes(), at in any::<prop::sample::Index>()) {
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(decode::<ClientFrame>(cut, limits::MAX_FRAME).is_err());
        prop_assert!(decode::<RelayFrame>(cut, limits::MAX_FRAME).is_err());
    }

    #[test]
    fn any_append_survives_the_wire(
        id in any::<u32>(), channel in any::<[u8; 16]>(), writer in any::<[u8; 32]>(), append in any::<[u8; 16]>(),
        handshakes in any::<u64>(), body in prop::collection::vec(any::<u8>(), 0..2000),
        keys in prop::collection::vec(any::<[u8; 32]>(), 0..5), fence in any::<bool>(),
    ) {
        let frame = ClientFrame::Request { id, command: Command::Append {
            channel: ChannelId(channel), writer: sotto_suite::sign::PublicKey(writer), lane: Lane::Handshake,
            append: AppendId(append), handshakes, body,
            subscribers: keys.into_iter().map(sotto_suite::sign::PublicKey).collect(), fence,
        }};
        let bytes = encode(&frame);
        prop_assert_eq!(decode::<ClientFrame>(&bytes, limits::MAX_FRAME), Ok(frame));
        prop_assert_eq!(request_id(&bytes), Some(id));
    }

    #[test]
    fn any_delivery_survives_the_wire(
        position in any::<u64>(), append in any::<[u8; 16]>(), body in prop::collection::vec(any::<u8>(), 0..2000), fence in any::<bool>(),
    ) {
        let delivered = Delivered::Entry(Entry { position: Position(position), lane: Lane::Chat, append: AppendId(append), body, fence });
        let frame = RelayFrame::Deliver { channel: CHANNEL, subscriber: key(1), delivered };
        prop_assert_eq!(decode::<RelayFrame>(&encode(&frame), limits::MAX_FRAME), Ok(frame));
    }
}
