//! Two people who open each other's invites end up talking, whatever comes in between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod again;
mod anew;
mod crossing;
mod ending;
#[path = "../world/mod.rs"]
mod world;

use sotto_engine::*;
use sotto_suite::rand::{RandomExt, SeededRandom};
use sotto_wire::{ChannelId, Delivered, Invite, Lane, RefusalCode, RelayFrame, Reply};
use world::World;

type Name = &'static str;

/// Alice and Bob, strangers, with an invite of each. Alice has the smaller account id, so hers is
/// the group that stands when letters cross.
struct Two {
    world: World,
    alices_link: String,
    bobs_link: String,
}

impl Two {
    fn new() -> Self {
        let mut world = World::new();
        world.join("alice");
        world.join("bob");
        let account = |name| world.reader(name).account().unwrap().account;
        assert!(account("alice") < account("bob"), "the seeds make it so");
        let alices_link = world.invite("alice", true);
        let bobs_link = world.invite("bob", true);
        Self {
            world,
            alices_link,
            bobs_link,
        }
    }

    /// The relay keeps the letters to these people to itself until they connect again after
    /// [`Two::release`], and the answers to their own letters too, if so wanted.
    fn hold(&mut self, letters_to: &[Name], answers_to: Option<Name>) {
        let inbox = |link: &str| link.parse::<Invite>().unwrap().inbox;
        let inboxes: Vec<(Name, ChannelId)> = [
            ("alice", inbox(&self.alices_link)),
            ("bob", inbox(&self.bobs_link)),
        ]
        .into_iter()
        .filter(|(name, _)| letters_to.contains(name))
        .collect();
        self.world.relay.intercept = Some(Box::new(move |name, frame| {
            let held = match &frame {
                RelayFrame::Deliver {
                    channel,
                    delivered: Delivered::Entry(_),
                    ..
                } => inboxes.iter().any(|(_, inbox)| inbox == channel),
                RelayFrame::Reply {
                    reply: Reply::Appended(_),
                    ..
                } => answers_to == Some(name),
                RelayFrame::Refused { refusal, .. } => {
                    answers_to == Some(name) && refusal.code == RefusalCode::NotFound
                }
                _ => false,
            };
            if held { Vec::new() } else { vec![frame] }
        }));
    }

    /// What Alice says reaches the relay, and does not come back to her.
    fn without_an_echo(&mut self) {
        let inbox = self.alices_link.parse::<Invite>().unwrap().inbox;
        self.world.relay.lies = true;
        self.world.relay.intercept = Some(Box::new(move |name, frame| match &frame {
            RelayFrame::Deliver {
                channel,
                delivered: Delivered::Entry(entry),
                ..
            } if name == "alice" && *channel != inbox && entry.lane == Lane::Chat => Vec::new(),
            _ => vec![frame],
        }));
    }

    fn release(&mut self) {
        self.world.relay.intercept = None;
    }

    fn again(&mut self, name: Name) {
        self.world.disconnect(name);
        self.world.connect(name);
        self.world.settle();
    }

    fn open(&mut self, name: Name) -> ConversationId {
        let link = match name {
            "alice" => self.bobs_link.clone(),
            _ => self.alices_link.clone(),
        };
        self.world.open_invite(name, &link).unwrap()
    }

    fn state(&self, name: Name) -> Vec<ConversationState> {
        let all = self.world.reader(name).conversations().unwrap();
        all.iter().map(|view| view.state).collect()
    }

    fn decline(&mut self, name: Name) {
        let request = self.world.reader(name).requests().unwrap()[0].request;
        let command = Command::DeclineRequest { request };
        self.world.command(name, command).unwrap();
    }

    /// Both are in the same conversation, it is their only one, and each has what the other said.
    fn talk(&mut self, said: &[(Name, &str)]) {
        let world = &mut self.world;
        world.wait(60_000);
        let of = |world: &World, name: Name| {
            let all = world.reader(name).conversations().unwrap();
            let [view] = &all[..] else {
                panic!("{name} has {all:?}")
            };
            view.clone()
        };
        for name in ["alice", "bob"] {
            let conversation = of(world, name).conversation;
            world.say(name, conversation, &format!("after all, {name}"));
            world.settle();
        }
        world.wait(60_000);
        let (alice, bob) = (of(world, "alice"), of(world, "bob"));
        assert_eq!(
            (alice.state, bob.state),
            (ConversationState::Active, ConversationState::Active)
        );
        assert_eq!((alice.name.as_str(), bob.name.as_str()), ("bob", "alice"));
        let texts = |world: &World, name, view: &ConversationView| {
            let all = world.texts(name, view.conversation);
            all.into_iter().map(|(_, text, _)| text).collect::<Vec<_>>()
        };
        let at_alice = texts(world, "alice", &alice);
        assert_eq!(
            at_alice,
            texts(world, "bob", &bob),
            "one order, nothing lost"
        );
        let mut all: Vec<String> = said.iter().map(|(_, text)| (*text).to_owned()).collect();
        all.extend(["alice", "bob"].map(|name| format!("after all, {name}")));
        all.sort();
        let mut sorted = at_alice;
        sorted.sort();
        assert_eq!(sorted, all, "everything once");
        let strangers = world.people.len() - 2;
        assert_eq!(
            world.relay.channels(),
            5 + 3 * strangers,
            "an inbox and an account group each, and what two people have begun"
        );
        for name in ["alice", "bob"] {
            assert!(world.reader(name).requests().unwrap().is_empty());
            let beside = world.beside(name);
            let rows = |table: &str| -> i64 {
                let sql = format!("SELECT count(*) FROM {table}");
                beside.query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            for table in ["openings", "errands", "outbox", "requests", "intents"] {
                assert_eq!(rows(table), 0, "{table} of {name}");
            }
            assert_eq!(rows("mls_groups"), 2, "{name}'s account group and this one");
        }
    }
}

const HELLO: [(Name, &str); 4] = [
    ("alice", "Is it you?"),
    ("bob", "I was about to ask."),
    ("alice", "Then we crossed."),
    ("bob", "We did."),
];

impl Two {
    /// Both have written their letters before either read the other's.
    fn crossed(&mut self, first: Name) {
        self.hold(&["alice", "bob"], None);
        let second = if first == "alice" { "bob" } else { "alice" };
        for name in [first, second] {
            let conversation = self.open(name);
            for (_, text) in HELLO.iter().filter(|(who, _)| *who == name) {
                self.world.say(name, conversation, text);
            }
        }
        self.world.settle();
        for name in ["alice", "bob"] {
            assert_eq!(self.state(name), [ConversationState::Waiting]);
        }
        self.release();
    }
}

impl Two {
    /// Something of what can come in between: of a die with twelve sides, one is a crash, one a lost
    /// connection, five move a frame to the relay and five some from it.
    fn something_happens(&mut self, name: Name, die: &mut impl FnMut(u8) -> u8) {
        match die(12) {
            0 => {
                self.world.crash(name);
                self.world.connect(name);
            }
            1 => {
                self.world.disconnect(name);
                self.world.connect(name);
            }
            2..=6 => self.world.up(name),
            _ => self.world.down(name, usize::from(1 + die(3))),
        }
    }
}
