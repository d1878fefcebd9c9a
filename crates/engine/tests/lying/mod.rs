//! A relay that answers whatever bytes say: what it sends is well formed, and need not be true.

use std::cell::RefCell;
use std::rc::Rc;

use sotto_engine::{Author, ConversationId};
use sotto_wire::{
    AppendId, Appended, ChainHash, Delivered, Entry, Gap, PackageOffer, Position, Refusal,
    RefusalCode, RelayFrame, Reply, SlotId, Subscribed,
};

use crate::world::World;
use crate::world::chosen::Chosen;

/// Things that people do in one go; what comes after them is left.
const DEEDS: u8 = 10;

/// What decides about the relay's frames, frame by frame.
struct Liar(Vec<u8>);

/// Alice and Bob know each other, and then a relay of the bytes' making is between them. Their engines
/// never fail; nothing that was shown is lost, shown twice, or said by nobody; nobody else gets in. When
/// the lies end, profiles open, and people can write.
pub fn any_relay(bytes: &[u8]) {
    let mut world = World::new();
    world.join("alice");
    world.join("bob");
    let two = world.introduce("alice", "bob");
    let mut said = vec!["before".to_owned()];
    world.say("alice", two.0, "before");
    world.wait(5_000);
    let link = world.invite("alice", false);
    // A quarter of the bytes is the people's, the rest is the relay's.
    let (people, relay) = bytes.split_at(bytes.len() / 4);
    let liar = Rc::new(RefCell::new(Liar(relay.to_vec())));
    world.relay.lies = true;
    let lies = Rc::clone(&liar);
    world.relay.intercept = Some(Box::new(move |_, frame| lies.borrow_mut().say(frame)));
    let mut people = Chosen::new(people);
    for number in 0..DEEDS {
        if people.is_empty() {
            break;
        }
        act(&mut world, two, &mut people, number, &mut said, &link);
        world.settle();
    }
    look(&world, two, &said);
    world.relay.intercept = None;
    for name in ["alice", "bob"] {
        world.crash(name);
        world.connect(name);
    }
    world.wait(60_000);
    look(&world, two, &said);
}

fn act(
    world: &mut World,
    (alices, bobs): (ConversationId, ConversationId),
    chosen: &mut Chosen<'_>,
    number: u8,
    said: &mut Vec<String>,
    link: &str,
) {
    let deed = chosen.byte();
    let (name, conversation) = match deed % 2 {
        0 => ("alice", alices),
        _ => ("bob", bobs),
    };
    match deed / 2 % 6 {
        0 | 1 => {
            let words = format!("text {number}");
            let text = sotto_engine::Command::SendText {
                conversation,
                text: words.clone(),
            };
            if world.command(name, text).is_ok() {
                said.push(words);
            }
        }
        2 => {
            world.disconnect(name);
            world.connect(name);
        }
        3 => world.wait(u64::from(chosen.byte()) * 600_000),
        4 => {
            world.crash(name);
            world.connect(name);
        }
        _ => {
            let open = sotto_engine::Command::OpenInvite { link: link.into() };
            let _ = world.command("bob", open);
        }
    }
}

fn look(world: &World, two: (ConversationId, ConversationId), said: &[String]) {
    for (name, conversation) in [("alice", two.0), ("bob", two.1)] {
        let texts = world.texts(name, conversation);
        let mut seen: Vec<_> = texts.iter().map(|(_, text, _)| text).collect();
        assert!(
            seen.iter().all(|text| said.contains(text)),
            "said by nobody"
        );
        assert!(texts.iter().all(|(author, ..)| *author != Author::App));
        seen.sort();
        let shown = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), shown, "shown twice");
        assert!(seen.iter().any(|text| *text == "before"), "it was shown");
        let details = world.reader(name).details(conversation).unwrap();
        assert_eq!(details.members.len(), 2);
    }
}

impl Liar {
    fn say(&mut self, frame: RelayFrame) -> Vec<RelayFrame> {
        let bytes = std::mem::take(&mut self.0);
        let mut chosen = Chosen::new(&bytes);
        let frames = lie(&mut chosen, frame);
        self.0 = chosen.rest().to_vec();
        frames
    }
}

fn lie(chosen: &mut Chosen<'_>, frame: RelayFrame) -> Vec<RelayFrame> {
    match chosen.byte() {
        0..128 => vec![frame],
        128..144 => Vec::new(),
        144..160 => vec![frame.clone(), frame],
        160..208 => vec![altered(chosen, frame)],
        208..232 => vec![another(chosen, frame)],
        _ => {
            let injected = injected(chosen, &frame);
            vec![frame].into_iter().chain(injected).collect()
        }
    }
}

/// Numbers at which something could break.
fn number(chosen: &mut Chosen<'_>) -> u64 {
    let small = u64::from(chosen.byte());
    match small {
        250 => u64::MAX,
        251 => u64::MAX - 1,
        252 => u64::MAX >> 1,
        253 => 1 << 52,
        254 => 1 << 40,
        255 => (1 << 39) - 1,
        small => small / 16,
    }
}

fn hash(chosen: &mut Chosen<'_>) -> ChainHash {
    ChainHash([chosen.byte(); 32])
}

fn code(chosen: &mut Chosen<'_>) -> RefusalCode {
    let codes = [
        RefusalCode::Malformed,
        RefusalCode::BadProof,
        RefusalCode::NotFound,
        RefusalCode::Taken,
        RefusalCode::Stale,
        RefusalCode::Fenced,
        RefusalCode::TooLarge,
        RefusalCode::Quota,
        RefusalCode::TooFast,
        RefusalCode::Unavailable,
        RefusalCode::Unexpected,
        RefusalCode::Revoked,
    ];
    codes[usize::from(chosen.byte()) % codes.len()]
}

fn refusal(chosen: &mut Chosen<'_>) -> Refusal {
    Refusal {
        code: code(chosen),
        retry_after_ms: [None, Some(0), Some(1_000), Some(u32::MAX)]
            [usize::from(chosen.byte()) % 4],
        handshakes: (chosen.byte() > 127).then(|| number(chosen)),
    }
}

fn delivered(chosen: &mut Chosen<'_>) -> Delivered {
    match chosen.byte() % 4 {
        0 => Delivered::Entry(Entry {
            position: Position(number(chosen)),
            lane: chosen.lane(),
            append: AppendId([chosen.byte(); 16]),
            body: chosen.bytes().to_vec(),
            fence: chosen.byte() > 127,
        }),
        1 => Delivered::Signal(chosen.bytes().to_vec()),
        2 => Delivered::Gap(Gap {
            until: Position(number(chosen)),
            hash: hash(chosen),
            handshakes: number(chosen),
        }),
        _ => Delivered::CaughtUp(Position(number(chosen))),
    }
}

fn reply(chosen: &mut Chosen<'_>) -> Reply {
    match chosen.byte() % 6 {
        0 => Reply::Done,
        1 => Reply::Appended(Appended {
            position: Position(number(chosen)),
            hash: hash(chosen),
        }),
        2 => Reply::Subscribed(Subscribed {
            cursor: Position(number(chosen)),
            head: Position(number(chosen)),
            handshakes: number(chosen),
            fenced: chosen.byte() > 127,
        }),
        3 => Reply::Card(chosen.bytes().to_vec()),
        4 => Reply::Taken(vec![PackageOffer {
            slot: SlotId([chosen.byte(); 16]),
            package: chosen.bytes().to_vec(),
            last_resort: chosen.byte() > 127,
        }]),
        _ => Reply::Pool(Vec::new()),
    }
}

/// The same frame with something else in it.
fn altered(chosen: &mut Chosen<'_>, mut frame: RelayFrame) -> RelayFrame {
    match &mut frame {
        RelayFrame::Deliver {
            delivered: Delivered::Entry(entry),
            ..
        } => match chosen.byte() % 5 {
            0 => entry.position = Position(number(chosen)),
            1 => entry.lane = chosen.lane(),
            2 => entry.append = AppendId([chosen.byte(); 16]),
            3 => entry.fence = !entry.fence,
            _ => {
                let place = usize::from(chosen.byte()) % entry.body.len().max(1);
                if let Some(byte) = entry.body.get_mut(place) {
                    *byte ^= chosen.byte();
                }
            }
        },
        RelayFrame::Deliver { delivered: of, .. } => *of = delivered(chosen),
        RelayFrame::Reply {
            reply: Reply::Subscribed(state),
            ..
        } => match chosen.byte() % 3 {
            0 => state.cursor = Position(number(chosen)),
            1 => state.head = Position(number(chosen)),
            _ => state.fenced = !state.fenced,
        },
        RelayFrame::Reply { reply: of, .. } => *of = reply(chosen),
        RelayFrame::Refused { refusal: of, .. } => *of = refusal(chosen),
        _ => {}
    }
    frame
}

/// Another kind of frame in its place.
fn another(chosen: &mut Chosen<'_>, frame: RelayFrame) -> RelayFrame {
    match frame {
        RelayFrame::Reply { id, .. } => RelayFrame::Refused {
            id,
            refusal: refusal(chosen),
        },
        RelayFrame::Refused { id, .. } => RelayFrame::Reply {
            id,
            reply: reply(chosen),
        },
        RelayFrame::Deliver { .. } => match chosen.byte() % 2 {
            0 => RelayFrame::Closing(refusal(chosen)),
            _ => RelayFrame::Reply {
                id: chosen.byte().into(),
                reply: reply(chosen),
            },
        },
        other => other,
    }
}

/// Something more behind it.
fn injected(chosen: &mut Chosen<'_>, behind: &RelayFrame) -> Option<RelayFrame> {
    let RelayFrame::Deliver {
        channel,
        subscriber,
        ..
    } = behind
    else {
        return None;
    };
    Some(RelayFrame::Deliver {
        channel: *channel,
        subscriber: *subscriber,
        delivered: delivered(chosen),
    })
}
