//! Fernet as its specification has it: our tokens are taken apart by hand, and
//! the specification's own vectors are run against the library that we use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use ring::hmac::{self, HMAC_SHA256};
use serde::Deserialize;
use sotto_suite::fernet::FernetError;
use sotto_suite::{FernetKey, Secret};

use crate::vectors;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Vector {
    /// The token of this text at this time under this IV.
    Generate {
        token: String,
        now: u64,
        iv: [u8; 16],
        src: String,
        secret: String,
    },
    /// A token that opens.
    Verify {
        token: String,
        now: u64,
        ttl_sec: u64,
        src: String,
        secret: String,
    },
    /// A token that doesn't.
    Invalid {
        desc: String,
        token: String,
        now: u64,
        ttl_sec: u64,
        secret: String,
    },
}

fn spec() -> Vec<Vector> {
    vectors(include_str!("../vectors/fernet.json"))
}

fn our_key(secret: &str) -> FernetKey {
    FernetKey::new(Secret::from_slice(&URL_SAFE.decode(secret).unwrap()).unwrap())
}

/// The fields of a token, authenticated by hand.
struct Fields {
    version: u8,
    timestamp: u64,
    iv: [u8; 16],
    ciphertext: Vec<u8>,
}

/// Takes a token apart; `None` unless its HMAC is right.
fn take_apart(secret: &[u8], token: &str) -> Option<Fields> {
    let bytes = URL_SAFE.decode(token).ok()?;
    let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    hmac::verify(&hmac::Key::new(HMAC_SHA256, &secret[..16]), signed, tag).ok()?;
    Some(Fields {
        version: signed[0],
        timestamp: u64::from_be_bytes(signed[1..9].try_into().unwrap()),
        iv: signed[9..25].try_into().unwrap(),
        ciphertext: signed[25..].to_vec(),
    })
}

/// Puts a token together with a right HMAC.
fn put_together(secret: &[u8], fields: &Fields) -> String {
    let mut bytes = vec![fields.version];
    bytes.extend_from_slice(&fields.timestamp.to_be_bytes());
    bytes.extend_from_slice(&fields.iv);
    bytes.extend_from_slice(&fields.ciphertext);
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, &secret[..16]), &bytes);
    bytes.extend_from_slice(tag.as_ref());
    URL_SAFE.encode(bytes)
}

#[test]
fn the_library_follows_the_specification() {
    for vector in spec() {
        match vector {
            Vector::Generate {
                token,
                now,
                iv,
                src,
                secret,
            } => {
                let fields = take_apart(&URL_SAFE.decode(&secret).unwrap(), &token).unwrap();
                assert_eq!((fields.version, fields.timestamp), (0x80, now));
                assert_eq!(fields.iv, iv);
                let library = fernet::Fernet::new(&secret).unwrap();
                assert_eq!(
                    library.decrypt_at_time(&token, None, now).unwrap(),
                    src.as_bytes()
                );
            }
            Vector::Verify {
                token,
                now,
                ttl_sec,
                src,
                secret,
            } => {
                let library = fernet::Fernet::new(&secret).unwrap();
                let opened = library.decrypt_at_time(&token, Some(ttl_sec), now);
                assert_eq!(opened.unwrap(), src.as_bytes());
            }
            Vector::Invalid {
                desc,
                token,
                now,
                ttl_sec,
                secret,
            } => {
                let library = fernet::Fernet::new(&secret).unwrap();
                let opened = library.decrypt_at_time(&token, Some(ttl_sec), now);
                assert!(opened.is_err(), "{desc}");
            }
        }
    }
}

/// The specification's tokens all carry a time, so the strict reader refuses
/// them as they are. With the time set to 0 and the HMAC made anew, those that
/// were good open and those that were bad for any other reason don't.
#[test]
fn without_their_time_the_specifications_tokens_open_or_not_as_they_should() {
    for vector in spec() {
        let (token, secret, text, desc) = match vector {
            Vector::Generate {
                token, secret, src, ..
            }
            | Vector::Verify {
                token, secret, src, ..
            } => (token, secret, Some(src), "valid".to_owned()),
            Vector::Invalid {
                token,
                secret,
                desc,
                ..
            } => (token, secret, None, desc),
        };
        let key = our_key(&secret);
        let refused = key.open(token.as_bytes()).unwrap_err();
        let expected = match desc.as_str() {
            "too short" | "invalid base64" | "payload size not multiple of block size" => {
                FernetError::Malformed
            }
            _ => FernetError::Timestamp,
        };
        assert_eq!(refused, expected, "{desc}");

        let raw = URL_SAFE.decode(&secret).unwrap();
        let Some(mut fields) = take_apart(&raw, &token) else {
            assert!(
                ["too short", "invalid base64", "incorrect mac"].contains(&desc.as_str()),
                "{desc}"
            );
            continue;
        };
        fields.timestamp = 0;
        let opened = key.open(put_together(&raw, &fields).as_bytes());
        match text {
            Some(text) => assert_eq!(*opened.unwrap(), text.as_bytes()),
            // These two were refused for their time alone.
            None if desc.contains("TS") || desc.contains("TTL") => {
                assert!(opened.is_ok(), "{desc}");
            }
            None if expected == FernetError::Malformed => {
                assert_eq!(opened, Err(FernetError::Malformed), "{desc}");
            }
            None => assert_eq!(opened, Err(FernetError::OpenFailed), "{desc}"),
        }
    }
}

#[test]
fn our_tokens_have_exactly_the_specified_form() {
    let key = FernetKey::new(Secret::new(core::array::from_fn(|i| i as u8)));
    for len in [0, 1, 15, 16, 17, 100, 1000] {
        let plain = vec![0x61; len];
        let token = key.seal(&plain);
        let fields = take_apart(key.secret().expose(), &token).unwrap();
        assert_eq!((fields.version, fields.timestamp), (0x80, 0));
        assert_eq!(fields.ciphertext.len(), (len / 16 + 1) * 16);
        assert_eq!(put_together(key.secret().expose(), &fields), token);
        assert_ne!(token, key.seal(&plain), "a fresh IV each time");
    }
}

/// RFC 9420 section 6.3.2 derives the key of a message's sender data from the
/// first 32 bytes of its ciphertext. Of a token these are version, timestamp
/// and all but one byte of the IV: 120 bits that differ from message to message.
#[test]
fn the_sample_that_mls_takes_is_almost_the_whole_iv() {
    let key = FernetKey::new(Secret::new([1; 32]));
    let samples: Vec<Vec<u8>> = (0..64)
        .map(|_| URL_SAFE.decode(&key.seal(b"text")[..32]).unwrap())
        .collect();
    for sample in &samples {
        assert_eq!(sample.len(), 24);
        assert_eq!(sample[..9], [0x80, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    for index in 9..24 {
        assert!(
            samples
                .iter()
                .any(|sample| sample[index] != samples[0][index]),
            "byte {index} never changes"
        );
    }
}
