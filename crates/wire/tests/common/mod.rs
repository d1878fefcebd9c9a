//! One sample of every frame, and strategies for all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests stop at the first surprise, and each uses a part of this"
)]

use sotto_suite::sign::{PublicKey, Signature};
use sotto_wire::*;

pub fn key(n: u8) -> PublicKey {
    PublicKey([n; 32])
}

pub const CHANNEL: ChannelId = ChannelId([0xc0; 16]);

/// Every frame of a client, named.
pub fn client_samples() -> Vec<(&'static str, ClientFrame)> {
    let channel = CHANNEL;
    let request = |command| ClientFrame::Request { id: 7, command };
    let entry = |lane, body, subscribers, fence| Command::Append {
        channel,
        writer: key(2),
        lane,
        append: AppendId([0xa0; 16]),
        handshakes: 300,
        body,
        subscribers,
        fence,
    };
    vec![
        (
            "hello",
            ClientFrame::Hello(ClientHello {
                versions: vec![1],
                nonce: Nonce([9; 32]),
                token: None,
            }),
        ),
        (
            "hello_with_token",
            ClientFrame::Hello(ClientHello {
                versions: vec![2, 1],
                nonce: Nonce([9; 32]),
                token: Some("open sesame".into()),
            }),
        ),
        (
            "acknowledge",
            ClientFrame::Acknowledge {
                channel,
                subscriber: key(3),
                position: Position(70_000),
            },
        ),
        (
            "prove",
            request(Command::Prove {
                channel,
                role: Role::Writer,
                key: key(2),
                signature: Signature([5; 64]),
            }),
        ),
        (
            "create",
            request(Command::Create {
                channel,
                admin: key(1),
                writers: vec![key(2)],
                subscribers: vec![key(3), key(4)],
            }),
        ),
        (
            "append_chat",
            request(entry(Lane::Chat, b"sealed".to_vec(), vec![], false)),
        ),
        (
            "append_handshake",
            request(entry(
                Lane::Handshake,
                b"sealed".to_vec(),
                vec![key(6)],
                false,
            )),
        ),
        (
            "append_fence",
            request(entry(Lane::Handshake, vec![], vec![], true)),
        ),
        (
            "append_ephemeral",
            request(entry(Lane::Ephemeral, b"typing".to_vec(), vec![], false)),
        ),
        (
            "subscribe",
            request(Command::Subscribe {
                channel,
                subscriber: key(3),
            }),
        ),
        (
            "unsubscribe",
            request(Command::Unsubscribe {
                channel,
                subscriber: key(3),
            }),
        ),
        (
            "set_writer",
            request(Command::SetWriter {
                channel,
                admin: key(1),
                writer: key(2),
                card: None,
            }),
        ),
        (
            "set_writer_with_card",
            request(Command::SetWriter {
                channel,
                admin: key(1),
                writer: key(2),
                card: Some(b"sealed card".to_vec()),
            }),
        ),
        (
            "revoke_writer",
            request(Command::RevokeWriter {
                channel,
                admin: key(1),
                writer: key(2),
            }),
        ),
        (
            "fetch_card",
            request(Command::FetchCard {
                channel,
                writer: key(2),
            }),
        ),
        (
            "deposit",
            request(Command::Deposit {
                channel,
                admin: key(1),
                slot: SlotId([0x51; 16]),
                packages: vec![b"one".to_vec().into(), b"two".to_vec().into()],
                last_resort: Some(b"last".to_vec()),
            }),
        ),
        (
            "pool_status",
            request(Command::PoolStatus {
                channel,
                admin: key(1),
            }),
        ),
        (
            "take",
            request(Command::Take {
                channel,
                writer: key(2),
                slots: vec![SlotId([0x51; 16])],
            }),
        ),
        (
            "delete",
            request(Command::Delete {
                channel,
                admin: key(1),
            }),
        ),
        (
            "keep_blob",
            request(Command::KeepBlob {
                blob: BlobId([0xb1; 16]),
                owner: key(5),
                upload: [0x0b; 32],
                size: 64 * 1024,
                hours: 721,
            }),
        ),
        (
            "delete_blob",
            request(Command::DeleteBlob {
                blob: BlobId([0xb1; 16]),
                owner: key(5),
            }),
        ),
    ]
}

/// Every frame of a relay, named.
pub fn relay_samples() -> Vec<(&'static str, RelayFrame)> {
    let reply = |reply| RelayFrame::Reply { id: 7, reply };
    let deliver = |delivered| RelayFrame::Deliver {
        channel: CHANNEL,
        subscriber: key(3),
        delivered,
    };
    let hash = ChainHash([0xcc; 32]);
    vec![
        (
            "hello",
            RelayFrame::Hello(RelayHello {
                version: 1,
                identity: key(8),
                nonce: Nonce([9; 32]),
                signature: Signature([5; 64]),
                limits: Limits {
                    entry: 263_168,
                    in_flight: 256,
                    requests_per_second: 20_000,
                    blobs: None,
                },
            }),
        ),
        (
            "hello_with_blobs",
            RelayFrame::Hello(RelayHello {
                version: 1,
                identity: key(8),
                nonce: Nonce([9; 32]),
                signature: Signature([5; 64]),
                limits: Limits {
                    entry: 263_168,
                    in_flight: 256,
                    requests_per_second: 20_000,
                    blobs: Some(BlobLimits {
                        size: 128 << 20,
                        hours: 2184,
                    }),
                },
            }),
        ),
        ("done", reply(Reply::Done)),
        (
            "appended",
            reply(Reply::Appended(Appended {
                position: Position(24),
                hash,
            })),
        ),
        (
            "subscribed",
            reply(Reply::Subscribed(Subscribed {
                cursor: Position(1),
                head: Position(1 << 40),
                handshakes: 2,
                fenced: false,
            })),
        ),
        ("card", reply(Reply::Card(b"sealed card".to_vec()))),
        (
            "taken",
            reply(Reply::Taken(vec![PackageOffer {
                slot: SlotId([0x51; 16]),
                package: b"one".to_vec(),
                last_resort: true,
            }])),
        ),
        (
            "pool",
            reply(Reply::Pool(vec![SlotStatus {
                slot: SlotId([0x51; 16]),
                packages: 100,
                last_resort: false,
            }])),
        ),
        (
            "blob",
            reply(Reply::Blob(BlobState {
                size: 64 * 1024,
                received: 1,
                until: 490_000,
            })),
        ),
        (
            "refused_stale",
            RelayFrame::Refused {
                id: 7,
                refusal: Refusal {
                    code: RefusalCode::Stale,
                    retry_after_ms: None,
                    handshakes: Some(4),
                },
            },
        ),
        (
            "refused_too_fast",
            RelayFrame::Refused {
                id: u32::MAX,
                refusal: Refusal {
                    code: RefusalCode::TooFast,
                    retry_after_ms: Some(250),
                    handshakes: None,
                },
            },
        ),
        (
            "entry",
            deliver(Delivered::Entry(Entry {
                position: Position(25),
                lane: Lane::Chat,
                append: AppendId([0xa0; 16]),
                body: b"sealed".to_vec(),
                fence: false,
            })),
        ),
        ("signal", deliver(Delivered::Signal(b"typing".to_vec()))),
        (
            "gap",
            deliver(Delivered::Gap(Gap {
                until: Position(20),
                hash,
                handshakes: 3,
            })),
        ),
        ("caught_up", deliver(Delivered::CaughtUp(Position(25)))),
        (
            "closing",
            RelayFrame::Closing(Refusal {
                code: RefusalCode::Stopping,
                retry_after_ms: Some(1000),
                handshakes: None,
            }),
        ),
    ]
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}
