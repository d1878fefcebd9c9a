//! Alice tells Bob; every input of their engines is timed.

use std::path::Path;

use sotto_engine::*;
use sotto_wire::RelayFrame;

use crate::clock::Spent;
use crate::world::World;

/// Ours, by whose work it is.
#[derive(Default)]
pub struct Costs {
    /// The sender's command: message kept, encrypted, handed over.
    pub send: Spent,
    /// The sender's own entry comes back with its place.
    pub place: Spent,
    /// The receiver's frames: opened, kept, acknowledged.
    pub receive: Spent,
}

pub struct Talk {
    world: World,
    conversation: ConversationId,
    text: String,
    said: usize,
}

impl Talk {
    /// Two people who have met, with their databases in `folder`.
    pub fn new(folder: &Path, suite: Suite) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let mut world = World::within(folder, suite);
        world.join("alice");
        world.join("bob");
        let (conversation, _) = world.introduce("alice", "bob");
        world.wait(5_000);
        let text = "The ferry is late, so there is no need to run: I have the drawings with me, and the sandwiches.";
        Self {
            world,
            conversation,
            text: format!("{text:.<100}"),
            said: 0,
        }
    }

    /// Says `count` texts in one input; whatever follows from them is done when this returns.
    pub fn say(&mut self, count: usize, costs: &mut Costs) {
        let commands = (0..count)
            .map(|_| {
                self.said += 1;
                // No two texts are the same.
                let text = format!("{:08}{}", self.said, &self.text[8..]);
                Command::SendText {
                    conversation: self.conversation,
                    text,
                }
            })
            .collect();
        self.handle("alice", Input::Commands(commands), &mut costs.send);
        loop {
            let placed = self.frames("alice", &mut costs.place);
            let received = self.frames("bob", &mut costs.receive);
            if !placed && !received {
                break;
            }
        }
    }

    /// Hands over what waits for somebody. False if nothing did.
    fn frames(&mut self, name: &'static str, spent: &mut Spent) -> bool {
        let frames: Vec<RelayFrame> = self.world.relay.take(name, 512);
        if frames.is_empty() {
            return false;
        }
        // A reply and the entry itself both come back for each text: two inputs at most.
        for frames in frames.chunks(256) {
            let input = Input::Frames {
                relay: self.world.address(),
                frames: frames.to_vec(),
            };
            self.handle(name, input, spent);
        }
        true
    }

    fn handle(&mut self, name: &'static str, input: Input, spent: &mut Spent) {
        let now = self.world.now;
        let long = matches!(&input, Input::Commands(list) if list.len() > 1)
            || matches!(&input, Input::Frames { frames, .. } if frames.len() > 2);
        let person = self.world.people.get_mut(name).unwrap();
        let work = || person.engine.handle(input, now).unwrap();
        let outputs = if long {
            spent.time_long(work)
        } else {
            spent.time(work)
        };
        assert!(outputs.relays.is_empty(), "{:?}", outputs.relays);
        assert!(outputs.done.iter().all(Result::is_ok));
        if let Some(deadline) = outputs.deadline {
            person.deadline = deadline;
        }
        for outgoing in outputs.frames {
            self.world.relay.receive(name, outgoing.frame);
        }
    }

    /// Receipts and late acknowledgements; on nobody's account.
    pub fn rest(&mut self) {
        self.world.wait(2_000);
        for person in self.world.people.values_mut() {
            person.events.clear();
        }
    }

    /// Everything said has arrived, in order: a figure of what got lost would be worth nothing.
    pub fn check(&mut self) {
        let conversations = self.world.reader("bob").conversations().unwrap();
        let texts = self.world.texts("bob", conversations[0].conversation);
        assert_eq!(texts.len(), self.said);
        assert!(texts.windows(2).all(|pair| pair[0].1 < pair[1].1));
    }

    /// Bytes of the receiver's columns, from a connection of our own.
    pub fn sizes(&self) -> Sizes {
        let key = hex::encode([2_u8; 32]);
        let db = rusqlite::Connection::open(self.world.path("bob")).unwrap();
        db.execute_batch(&format!("PRAGMA key = \"x'{key}'\""))
            .unwrap();
        let number = |sql: &str| -> f64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        Sizes {
            row: number(
                "SELECT avg(length(id) + length(conversation) + length(body) + length(mls)
                 + length(salt) + length(append) + length(seen) + 16.0) FROM messages WHERE kind = 1",
            ),
            state: number("SELECT max(length(state)) + 0.0 FROM mls_groups"),
        }
    }
}

/// What lies in the database, in bytes.
pub struct Sizes {
    /// One text's row, with all that it takes to show how it crossed the network.
    pub row: f64,
    /// The conversation's MLS state, written with every message.
    pub state: f64,
}
