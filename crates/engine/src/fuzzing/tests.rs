//! What the fuzz targets begin with, and what they ever found.
#![allow(
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use sotto_suite::sign::SigningKey;
use sotto_wire::{ChainHash, ChannelId, Position, RelayAddress, RelayIdentity};

use super::*;
use crate::messages::content::kind;

/// A target's name, and what it does with its bytes.
type Target = (&'static str, fn(&[u8]) -> bool);

const TARGETS: [Target; 6] = [
    ("content", content),
    ("envelope", envelope),
    ("letter", letter),
    ("signal", signal),
    ("extension", extension),
    ("mls_message", mls_message),
];

fn relay() -> RelayAddress {
    RelayAddress {
        host: "relay.example".into(),
        port: 7443,
        identity: RelayIdentity([1; 32]),
        plain: false,
    }
}

/// Length and content, without padding.
fn framed(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [length.as_slice(), content].concat()
}

fn message<T: Encode<()>>(number: u8, kind: u32, body: &T) -> Vec<u8> {
    encode(&Content {
        id: [number; 16],
        sent: 1_782_000_000_000,
        kind,
        body: encode(body),
    })
}

/// What is taken for what it says, by target and name.
fn genuine(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    let key = SigningKey::from_seed(&Secret::new([5; 32]));
    let text = Text {
        text: "Are you there?".into(),
    };
    match target {
        "content" => vec![
            ("text", message(1, kind::TEXT, &text)),
            (
                "receipt",
                message(
                    2,
                    kind::RECEIPT,
                    &Receipt {
                        delivered: 7,
                        read: -1,
                    },
                ),
            ),
            (
                "introduction",
                message(
                    3,
                    kind::INTRODUCTION,
                    &Introduction {
                        name: " Bob\u{7}".into(),
                        relay: relay(),
                        inbox: ChannelId([4; 16]),
                        secret: [5; 32],
                    },
                ),
            ),
            ("newer", message(4, 99, &text)),
        ],
        "envelope" => {
            let content = |kind, seen| {
                framed(&encode(&envelope::Content {
                    kind,
                    body: vec![1, 2, 3],
                    seen,
                }))
            };
            let seen = envelope::Seen {
                position: Position(9),
                hash: ChainHash::start(&ChannelId([4; 16])),
                authenticator: [8; 8],
                epoch: 3,
            };
            vec![
                ("mls", content(envelope::Kind::Mls, Some(seen))),
                ("fence", content(envelope::Kind::Fence, Some(seen))),
                ("signal", content(envelope::Kind::Signal, None)),
            ]
        }
        "letter" => {
            let letter = Letter {
                invite: [1; 16],
                welcome: vec![2; 40],
                tree: vec![3; 40],
                relay: relay(),
                chain: vec![4; 40],
                seen: Position(5),
            };
            let card = Card {
                chain: vec![4; 40],
                pool_key: [6; 32],
            };
            vec![
                ("letter", framed(&encode(&letter))),
                ("card", encode(&card)),
            ]
        }
        "signal" => {
            let sealed = typing::Sealed {
                salt: [1; 32],
                token: b"gAAAAA==".to_vec(),
            };
            let signal = typing::Signal {
                leaf: 1,
                typing: true,
                signature: key.sign(b"is typing"),
            };
            vec![("sealed", encode(&sealed)), ("signal", encode(&signal))]
        }
        "extension" => {
            let leaf = LeafChannel {
                subscriber: key.public(),
                rescue: Some(vec![relay()]),
            };
            let accounts = [1, 2].map(|number| crate::AccountId([number; 32]));
            vec![
                ("leaf", encode(&leaf)),
                ("roles", encode(&Roles::owners(&accounts))),
            ]
        }
        _ => {
            let [package, welcome, text, commit] = super::groups::genuine();
            vec![
                ("package", package),
                ("welcome", welcome),
                ("text", text),
                ("commit", commit),
            ]
        }
    }
}

#[test]
fn the_corpora_of_the_fuzz_targets_are_survived() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bless = std::env::var_os("SOTTO_BLESS").is_some();
    for (target, take) in TARGETS {
        let folder = room.join("fuzz/corpus").join(target);
        let genuine = genuine(target);
        for (name, bytes) in &genuine {
            if bless {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(name), bytes).unwrap();
            }
            // What is sealed to somebody is different every time, and all of it opens.
            let kept = std::fs::read(folder.join(name)).unwrap();
            let same = kept == *bytes || target == "mls_message";
            assert!(same, "{target}/{name} is of an earlier version");
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let accepted = take(&std::fs::read(&path).unwrap());
            let name = path.file_name().unwrap().to_string_lossy();
            let expected = genuine.iter().any(|(genuine, _)| *genuine == name);
            assert_eq!(accepted, expected, "{}", path.display());
        }
    }
}

/// An application message opens once; what is put back opens again.
#[test]
fn nothing_is_left_of_a_message_that_was_put_back() {
    let [_, welcome, text, commit] = super::groups::genuine();
    for _ in 0..2 {
        assert!([&welcome, &text, &commit].map(|bytes| mls_message(bytes)) == [true; 3]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..512)) {
        for (_, take) in TARGETS {
            take(&bytes);
        }
    }

    #[test]
    fn damaged_genuine_bytes_are_survived(
        which in any::<prop::sample::Index>(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        do_cut in any::<bool>(),
    ) {
        for (target, take) in TARGETS {
            let mut genuine = genuine(target);
            let (_, mut bytes) = genuine.swap_remove(which.index(genuine.len()));
            for (place, byte) in &damage {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if do_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            take(&bytes);
        }
    }
}
