//! Whatever she does: bytes decide it, and Alice goes on.

use minicbor::Encode;
use sotto_engine::{ConversationId, ShieldReason};
use sotto_wire::{ChannelId, Lane, RelayAddress, encode};

use super::{Scene, message};
use crate::world::chosen::Chosen;

/// Deeds in one go; what comes after them is left.
const DEEDS: u8 = 12;

#[derive(Encode)]
#[cbor(map)]
struct Receipt {
    #[n(0)]
    delivered: i64,
    #[n(1)]
    read: i64,
}

#[derive(Encode)]
#[cbor(map)]
struct Introduction {
    #[n(0)]
    name: String,
    #[n(1)]
    relay: RelayAddress,
    #[n(2)]
    inbox: ChannelId,
    #[cbor(n(3), with = "minicbor::bytes")]
    secret: [u8; 32],
}

/// What came of it so far.
#[derive(Default)]
struct Past {
    /// Texts that everybody in the epoch can open.
    said: Vec<String>,
    /// She has committed what Alice must not take, and is in an epoch of her own.
    astray: bool,
    /// The channel is closed.
    closed: bool,
}

/// Mallory is let in and does what the bytes say. Alice's engine never fails, never takes it for the
/// relay's fault, lets nobody in, and shows what was said properly; she can close, open and answer.
pub fn any_behaviour(bytes: &[u8]) {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let mut chosen = Chosen::new(bytes);
    let mut past = Past::default();
    for number in 0..DEEDS {
        if chosen.is_empty() || past.closed {
            break;
        }
        behave(&mut scene, &mut chosen, number, &mut past);
    }
    let said = past.said;
    scene.world.wait(10_000);
    look(&scene, alices, &said);
    scene.world.crash("alice");
    scene.world.connect("alice");
    scene.world.settle();
    look(&scene, alices, &said);
    answer(&mut scene, alices);
}

fn behave(scene: &mut Scene, chosen: &mut Chosen<'_>, number: u8, past: &mut Past) {
    let deed = chosen.byte() % 13;
    let Scene {
        channel,
        world,
        laptop,
        mallory,
        ..
    } = scene;
    match deed {
        0 => {
            let words = format!("text {number}");
            scene.say(number, &words);
            if !past.astray {
                past.said.push(words);
            }
        }
        // Content of no kind, or with a body that need not be of its kind.
        1 => {
            let sealed = laptop.seal(chosen.bytes());
            channel.put(world, Lane::Chat, sealed);
        }
        2 => {
            let kind = u32::from(chosen.byte()) % 5;
            let sealed = laptop.seal(&message(100 + number, kind, chosen.bytes().to_vec()));
            channel.put(world, Lane::Chat, sealed);
        }
        3 => {
            let body = encode(&Receipt {
                delivered: chosen.number(),
                read: chosen.number(),
            });
            let sealed = laptop.seal(&message(100 + number, 2, body));
            channel.put(world, Lane::Chat, sealed);
        }
        4 => {
            let body = encode(&Introduction {
                name: String::from_utf8_lossy(chosen.bytes()).into_owned(),
                relay: world.address(),
                inbox: ChannelId([chosen.byte(); 16]),
                secret: [chosen.byte(); 32],
            });
            let sealed = laptop.seal(&message(100 + number, 3, body));
            channel.put(world, Lane::Chat, sealed);
        }
        // An envelope with a claim of her own, around what is no MLS message or a damaged one.
        5 => {
            let lane = chosen.lane();
            let mut body = laptop.seal(b"spoilt");
            let place = usize::from(chosen.byte()) % body.len();
            body[place] ^= chosen.byte();
            if chosen.byte().is_multiple_of(2) {
                body = chosen.bytes().to_vec();
            }
            let kind = chosen.byte() % 4;
            channel.claim(world, lane, kind, body, chosen.number().to_be_bytes());
        }
        6 => {
            let lane = chosen.lane();
            channel.fill(world, lane, chosen.bytes(), false);
        }
        7 => {
            let lane = chosen.lane();
            channel.append(world, lane, chosen.bytes().to_vec(), false);
        }
        8 => {
            let commit = laptop.commit();
            channel.put(world, Lane::Handshake, commit);
        }
        // A device can only be added by value: a commit of that proposal is none that Alice takes.
        9 => {
            let proposal = laptop.propose_to_add(&mallory.phone(world.now).key_package());
            channel.put(world, Lane::Handshake, proposal);
            if chosen.byte().is_multiple_of(2) {
                laptop.forget_proposals();
            } else {
                let commit = laptop.commit();
                channel.put(world, Lane::Handshake, commit);
                past.astray = true;
            }
        }
        10 => {
            let (epoch, mut authenticator) = laptop.epoch();
            authenticator[0] ^= chosen.byte();
            channel.close(world, epoch + u64::from(chosen.byte()), authenticator);
            past.closed = true;
        }
        // What Alice has to commit before she says anything.
        11 => {
            let proposal = laptop.propose_update();
            channel.put(world, Lane::Handshake, proposal);
            let (epoch, _) = scene.laptop.epoch();
            scene.follow();
            let (now, _) = scene.laptop.epoch();
            assert!(past.astray || now == epoch + 1, "nobody has committed it");
            scene.laptop.forget_proposals();
        }
        12 if past.astray => {}
        _ => {
            let commit = laptop.remove_another();
            channel.put(world, Lane::Handshake, commit);
            past.astray = true;
        }
    }
}

fn look(scene: &Scene, alices: ConversationId, said: &[String]) {
    let seen = scene.seen(alices);
    let mut seen = seen.iter();
    for words in said {
        let once = seen.any(|text| text == words) && !seen.clone().any(|text| text == words);
        assert!(once, "{words}");
    }
    let members = scene.members(alices);
    assert!(scene.two().iter().all(|two| members.contains(two)) && members.len() == 2);
    let view = scene.world.reader("alice").conversation(alices).unwrap();
    assert!(matches!(
        view.shield_reason,
        ShieldReason::NotCompared | ShieldReason::HistoryDisputed
    ));
}

/// Alice writes, and the relay has it.
fn answer(scene: &mut Scene, alices: ConversationId) {
    let stored = scene.world.relay.stored.len();
    scene.world.say("alice", alices, "I am still here.");
    scene.world.wait(10_000);
    assert!(scene.world.relay.stored.len() > stored);
    let waiting: i64 = scene
        .world
        .beside("alice")
        .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(waiting, 0);
}
