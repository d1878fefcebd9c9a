//! Property: a record opens where it was made to, byte for byte, or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;
use sotto_suite::fernet::FernetError;
use sotto_suite::record;
use sotto_suite::{FernetKey, Secret};

proptest! {
    #[test]
    fn a_record_opens_to_what_was_sealed(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in proptest::collection::vec(any::<u8>(), 0..200),
        plain in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let key = Secret::new(key);
        let token = record::seal(&key, &nonce, &aad, &plain);
        prop_assert!(token.is_ascii());
        prop_assert_eq!(&*record::open(&key, &nonce, &aad, &token).unwrap(), &plain);
        // Anyone with the record's key opens it as an ordinary Fernet token.
        let library = fernet::Fernet::new(&record::record_key(key.expose(), &nonce, &aad).to_base64());
        let token = String::from_utf8(token).unwrap();
        prop_assert_eq!(library.unwrap().decrypt(&token).unwrap(), plain);
    }

    #[test]
    fn another_key_nonce_or_aad_opens_nothing(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in proptest::collection::vec(any::<u8>(), 0..50),
        bit in 0_usize..(32 + 12) * 8,
        more: u8,
    ) {
        let token = record::seal(&Secret::new(key), &nonce, &aad, b"text");
        let (mut other_key, mut other_nonce) = (key, nonce);
        let mask = 1_u8 << (bit % 8);
        match (bit / 8).checked_sub(32) {
            None => other_key[bit / 8] ^= mask,
            Some(index) => other_nonce[index] ^= mask,
        }
        let refused = Err(FernetError::OpenFailed);
        prop_assert_eq!(&record::open(&Secret::new(other_key), &other_nonce, &aad, &token), &refused);
        let mut other_aad = aad.clone();
        other_aad.push(more);
        prop_assert_eq!(&record::open(&Secret::new(key), &nonce, &other_aad, &token), &refused);
        // The boundary between nonce and data is part of the key.
        let shifted = record::record_key(&key, &[&nonce[..], &aad[..]].concat(), b"");
        if !aad.is_empty() {
            prop_assert_eq!(&shifted.open(&token), &refused);
        }
    }

    #[test]
    fn a_changed_token_never_opens(
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        at: prop::sample::Index,
        to: u8,
    ) {
        let key = FernetKey::new(Secret::new([7; 32]));
        let token = key.seal(&plain).into_bytes();
        let mut changed = token.clone();
        let at = at.index(token.len());
        prop_assume!(changed[at] != to);
        changed[at] = to;
        prop_assert!(key.open(&changed).is_err());
        // Cut anywhere, or lengthened.
        prop_assert!(key.open(&token[..at]).is_err());
        changed = token;
        changed.insert(at, to);
        prop_assert!(key.open(&changed).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open(token in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(FernetKey::new(Secret::new([7; 32])).open(&token).is_err());
    }
}

/// Every byte of a token, every bit of it, and not a sample only.
#[test]
fn no_bit_of_a_token_can_change() {
    let key = FernetKey::new(Secret::new([7; 32]));
    let token = key
        .seal(b"a text of some length, over two blocks")
        .into_bytes();
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut changed = token.clone();
            changed[index] ^= 1 << bit;
            assert!(key.open(&changed).is_err(), "bit {bit} of byte {index}");
        }
    }
}

#[test]
fn a_second_spelling_of_the_same_token_is_refused() {
    let key = FernetKey::new(Secret::new([7; 32]));
    // 73, 89 and 105 bytes: two, one and no characters of padding.
    for (len, padding) in [(0, 2), (16, 1), (32, 0)] {
        let token = key.seal(&vec![0; len]);
        let bare = token.trim_end_matches('=');
        assert_eq!(token.len() - bare.len(), padding);
        let mut spellings = vec![
            format!("{token}="),
            format!("{token}=="),
            format!("{token}===="),
            format!(" {token}"),
            format!("{token}\n"),
            token.replacen('_', "/", 1),
            token.replacen('-', "+", 1),
            format!("{}\0", token),
        ];
        if padding > 0 {
            spellings.push(bare.to_owned());
            spellings.push(format!("{bare}{}", "=".repeat(3 - padding)));
            // The last character before padding has unused bits: set one.
            let (head, last) = bare.split_at(bare.len() - 1);
            let bits = URL_SAFE
                .decode(format!("AAA{last}"))
                .map(|bytes| bytes[2] & 0x3f)
                .unwrap();
            let stray = URL_SAFE.encode([0, 0, bits | 1]);
            spellings.push(format!("{head}{}{}", &stray[3..], "=".repeat(padding)));
        }
        let refused = spellings
            .iter()
            .filter(|spelling| **spelling != token)
            .inspect(|spelling| {
                assert_eq!(key.open(spelling.as_bytes()), Err(FernetError::Malformed));
            })
            .count();
        assert!(refused >= 6);
        assert!(key.open(token.as_bytes()).is_ok());
    }
}

#[test]
fn a_token_with_a_time_is_refused_though_its_hmac_is_right() {
    let key = FernetKey::new(Secret::new([7; 32]));
    let library = fernet::Fernet::new(&key.to_base64()).unwrap();
    for time in [1, 499_162_800, u64::MAX] {
        let token = library.encrypt_at_time(b"text", time);
        assert_eq!(key.open(token.as_bytes()), Err(FernetError::Timestamp));
    }
    let token = library.encrypt_at_time(b"text", 0);
    assert_eq!(*key.open(token.as_bytes()).unwrap(), b"text");
}

#[test]
fn another_version_is_refused() {
    let key = FernetKey::new(Secret::new([7; 32]));
    let mut bytes = URL_SAFE.decode(key.seal(b"text")).unwrap();
    bytes[0] = 0x81;
    let token = URL_SAFE.encode(bytes);
    assert_eq!(key.open(token.as_bytes()), Err(FernetError::Version));
}
