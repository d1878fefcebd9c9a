//! Whatever a stranger puts into an inbox: bytes decide it, and Alice goes on.

use sotto_engine::{AccountId, Command, ConversationId};
use sotto_suite::secret::Secret;
use sotto_wire::{Position, RelayAddress};

use super::letter::Letter;
use super::{Account, Opening};
use crate::world::World;
use crate::world::chosen::Chosen;

const LETTERS: u8 = 6;

/// Mallory has an invite for several and writes what the bytes say; Alice accepts and declines. Her engine
/// never fails, a conversation is with the letter's writer and nobody else, and Bob gets in by the same
/// invite afterwards.
pub fn any_letters(bytes: &[u8]) {
    let mut world = World::new();
    world.join("alice");
    let link = world.invite("alice", false);
    let mallory = Account::new(50, &world.address(), world.now);
    let opening = Opening::of(&mut world, &link);
    let accounts = [mallory.id(), opening.invited_by];
    let founded = mallory.laptop(world.now).found(
        &accounts,
        std::slice::from_ref(&opening.package),
        opening.psk(),
        &Secret::new([3; 32]),
    );
    let letter = opening.letter(&mallory, &founded);
    let mut chosen = Chosen::new(bytes);
    for number in 0..LETTERS {
        if chosen.is_empty() {
            break;
        }
        let body = write(&mut chosen, &world, &opening, letter.clone());
        opening.send(&mut world, number, body);
        world.settle();
        answer(&mut world, &mut chosen);
    }
    look(&world, &accounts);
    world.crash("alice");
    world.connect("alice");
    world.wait(10_000);
    look(&world, &accounts);
    for request in world.reader("alice").requests().unwrap() {
        let request = request.request;
        world
            .command("alice", Command::DeclineRequest { request })
            .unwrap();
    }
    world.join("bob");
    let bobs = world.open_invite("bob", &link).unwrap();
    let alices = world.accept("alice");
    world.say("alice", alices, "Welcome.");
    world.settle();
    assert_eq!(world.texts("bob", bobs).len(), 1);
}

/// A letter as it should be, or with something else in it, or something else altogether.
fn write(chosen: &mut Chosen<'_>, world: &World, opening: &Opening, mut letter: Letter) -> Vec<u8> {
    match chosen.byte() % 10 {
        0 | 1 => {}
        2 => spoil(chosen, &mut letter.welcome),
        3 => spoil(chosen, &mut letter.tree),
        4 => spoil(chosen, &mut letter.chain),
        5 => letter.invite[usize::from(chosen.byte()) % 16] ^= chosen.byte(),
        6 => {
            letter.chain = Account::new(chosen.byte(), &world.address(), world.now)
                .0
                .chain
                .encoded()
        }
        7 => {
            let home = world.address().identity;
            letter.relay = RelayAddress::new("relay.example", 443, home, false).unwrap();
            letter.seen = Some(Position(chosen.number().cast_unsigned()));
        }
        8 => return opening.sealed_around(chosen.bytes()),
        _ => return chosen.bytes().to_vec(),
    }
    opening.sealed(&letter)
}

/// Bytes that are turned over, cut off or put behind.
fn spoil(chosen: &mut Chosen<'_>, bytes: &mut Vec<u8>) {
    let place = (usize::from(chosen.byte()) << 8 | usize::from(chosen.byte())) % bytes.len();
    match chosen.byte() % 4 {
        0 => bytes.truncate(place),
        1 => bytes.extend_from_slice(chosen.bytes()),
        _ => bytes[place] ^= chosen.byte(),
    }
}

fn answer(world: &mut World, chosen: &mut Chosen<'_>) {
    for request in world.reader("alice").requests().unwrap() {
        let request = request.request;
        let command = match chosen.byte() % 4 {
            0 => continue,
            1 => Command::DeclineRequest { request },
            _ => Command::AcceptRequest { request },
        };
        // Whatever comes of it: a letter that does not hold is told.
        let _ = world.command("alice", command);
        world.settle();
    }
}

fn look(world: &World, [mallory, alice]: &[AccountId; 2]) {
    let ids: Vec<ConversationId> = {
        let views = world.reader("alice").conversations().unwrap();
        views.iter().map(|view| view.conversation).collect()
    };
    assert!(ids.len() <= 1, "one group, one conversation");
    for id in ids {
        let details = world.reader("alice").details(id).unwrap();
        let members: Vec<_> = details
            .members
            .iter()
            .map(|member| member.account)
            .collect();
        assert!(members.len() == 2 && members.contains(mallory) && members.contains(alice));
    }
}
