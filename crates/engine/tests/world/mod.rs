//! A small world in one thread: people with real engines and real databases, one model relay that
//! keeps the protocol, a clock that moves when told to.
#![allow(dead_code, reason = "each test uses a part of the world")]

pub mod chosen;

use std::collections::{BTreeMap, VecDeque};

use mls_rs_core::crypto::CipherSuite;
use sotto_engine::*;
use sotto_suite::rand::SeededRandom;
use sotto_suite::secret::Secret;
use sotto_wire::{ClientFrame, RelayAddress, RelayFrame};

pub use sotto_model_relay::ModelRelay;

pub struct Person {
    pub engine: Engine,
    pub events: Vec<Event>,
    pub connected: bool,
    pub deadline: Timestamp,
    /// Connections given up because the relay broke the protocol.
    pub drops: u32,
    /// Conversations that were set aside, by what went wrong.
    pub set_aside: Vec<SetAside>,
    /// Relays that it wants to be connected to.
    pub wants: Vec<RelayAddress>,
    outbound: VecDeque<ClientFrame>,
    seed: u8,
}

pub struct World {
    pub now: Timestamp,
    pub relay: ModelRelay,
    pub people: BTreeMap<&'static str, Person>,
    suite: Suite,
    folder: tempfile::TempDir,
    /// So that randomness after a crash is never that from before.
    crashes: u8,
    /// Frames are handed over in batches of at most this many.
    pub batch: usize,
    /// Something in a database is broken on purpose: conversations may be set aside.
    pub breaks: bool,
}

impl World {
    pub fn new() -> Self {
        Self::on(Suite::sotto())
    }

    pub fn on_standard_suite() -> Self {
        let provider = mls_rs_crypto_rustcrypto::RustCryptoProvider::default();
        Self::on(Suite::of(provider, CipherSuite::CURVE25519_CHACHA))
    }

    fn on(suite: Suite) -> Self {
        // In memory, where that is a folder: nothing here has to outlive a machine.
        let memory = std::path::Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        Self::within(folder.unwrap(), suite)
    }

    /// With the databases in this folder.
    pub fn within(folder: tempfile::TempDir, suite: Suite) -> Self {
        Self {
            now: Timestamp(1_790_000_000_000),
            relay: ModelRelay::new(),
            people: BTreeMap::new(),
            suite,
            folder,
            crashes: 0,
            batch: 256,
            breaks: false,
        }
    }

    pub fn address(&self) -> RelayAddress {
        self.relay.address()
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("{name}.db"))
    }

    pub fn database(&self, name: &str) -> Vec<u8> {
        let mut all = std::fs::read(self.path(name)).unwrap();
        all.extend(
            std::fs::read(self.folder.path().join(format!("{name}.db-wal"))).unwrap_or_default(),
        );
        all
    }

    /// A person's database as whoever has its key sees it, beside the engine.
    pub fn beside(&self, name: &str) -> rusqlite::Connection {
        self.opened(name, self.people[name].seed)
    }

    /// The pages, decrypted, of a file that is a copy of this person's.
    pub fn pages(&self, copy: &std::path::Path, name: &str) -> Vec<u8> {
        let mut connection = opened(copy, self.people[name].seed);
        connection.serialize("main").unwrap().to_vec()
    }

    fn opened(&self, name: &str, seed: u8) -> rusqlite::Connection {
        opened(&self.path(name), seed)
    }

    /// Makes a person and brings it online.
    pub fn join(&mut self, name: &'static str) {
        let seed = u8::try_from(self.people.len() + 1).unwrap();
        let new = NewProfile {
            name: name.into(),
            relay: self.address(),
            device_name: "laptop".into(),
        };
        let random = Box::new(SeededRandom::new([seed; 32]));
        let key = Secret::new([seed; 32]);
        let mut engine =
            Engine::create_on(&self.suite, &self.path(name), &key, new, random, self.now).unwrap();
        let outputs = engine.start(self.now).unwrap();
        let person = Person {
            engine,
            events: Vec::new(),
            connected: false,
            deadline: self.now,
            drops: 0,
            set_aside: Vec::new(),
            wants: Vec::new(),
            outbound: VecDeque::new(),
            seed,
        };
        self.people.insert(name, person);
        self.take(name, outputs);
        self.connect(name);
        self.settle();
    }

    /// The process ends without a word and is started again; offline at first.
    pub fn crash(&mut self, name: &'static str) {
        self.crash_and(name, |_| ());
    }

    /// The same, with something done to the database in between.
    pub fn crash_and(
        &mut self,
        name: &'static str,
        meanwhile: impl FnOnce(&mut rusqlite::Connection),
    ) {
        let person = self.people.remove(name).unwrap();
        let seed = person.seed;
        drop(person);
        meanwhile(&mut self.opened(name, seed));
        self.relay.disconnect(name);
        self.crashes += 1;
        let random = Box::new(SeededRandom::new([seed ^ self.crashes.wrapping_mul(8); 32]));
        let key = Secret::new([seed; 32]);
        let mut engine = Engine::open_on(&self.suite, &self.path(name), &key, random).unwrap();
        let outputs = engine.start(self.now).unwrap();
        let person = Person {
            engine,
            events: Vec::new(),
            connected: false,
            deadline: self.now,
            drops: 0,
            set_aside: Vec::new(),
            wants: Vec::new(),
            outbound: VecDeque::new(),
            seed,
        };
        self.people.insert(name, person);
        self.take(name, outputs);
    }

    pub fn connect(&mut self, name: &'static str) {
        let binding = self.relay.connect(name);
        self.people.get_mut(name).unwrap().connected = true;
        let relay = self.address();
        self.input(name, Input::Connected { relay, binding });
    }

    pub fn disconnect(&mut self, name: &'static str) {
        self.relay.disconnect(name);
        let person = self.people.get_mut(name).unwrap();
        person.connected = false;
        person.outbound.clear();
        let relay = self.address();
        self.input(name, Input::Disconnected { relay });
    }

    fn take(&mut self, name: &str, outputs: Outputs) -> Vec<Result<Done, Problem>> {
        let home = self.address();
        let person = self.people.get_mut(name).unwrap();
        let mut dropped = false;
        for change in outputs.relays {
            match change {
                RelayChange::Connect(relay) => person.wants.push(relay),
                RelayChange::Drop(_) => dropped = true,
                RelayChange::Anew(_) => {
                    person.connected = false;
                    person.outbound.clear();
                    self.relay.disconnect(name);
                }
                RelayChange::Disconnect(relay) => person.wants.retain(|of| *of != relay),
            }
        }
        person.drops += u32::from(dropped);
        if person.connected {
            let frames = outputs.frames.into_iter();
            let here = frames.filter(|outgoing| outgoing.relay == home);
            person.outbound.extend(here.map(|outgoing| outgoing.frame));
        }
        person.events.extend(outputs.events);
        if let Some(deadline) = outputs.deadline {
            person.deadline = deadline;
        }
        assert!(
            outputs.set_aside.is_empty() || self.breaks,
            "{name} could not go on: {:?}",
            outputs.set_aside
        );
        person.set_aside.extend(outputs.set_aside);
        assert!(
            !dropped || self.relay.lies,
            "{name} says that the model relay broke the protocol"
        );
        outputs.done
    }

    pub fn input(&mut self, name: &str, input: Input) -> Vec<Result<Done, Problem>> {
        let now = self.now;
        let outputs = self
            .people
            .get_mut(name)
            .unwrap()
            .engine
            .handle(input, now)
            .unwrap();
        self.take(name, outputs)
    }

    /// Moves frames until nobody has anything to say.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            let names: Vec<_> = self.people.keys().copied().collect();
            for name in &names {
                while let Some(frame) = self.people.get_mut(name).unwrap().outbound.pop_front() {
                    quiet = false;
                    self.relay.receive(name, frame);
                }
            }
            for name in &names {
                let frames = self.relay.take(name, self.batch);
                if !frames.is_empty() && self.people[name].connected {
                    quiet = false;
                    self.frames(name, frames);
                }
            }
            for name in &names {
                if self.people[name].deadline <= self.now {
                    quiet = false;
                    self.input(name, Input::Deadline);
                }
            }
            if quiet {
                break;
            }
        }
    }

    /// One of this person's frames reaches the relay.
    pub fn up(&mut self, name: &str) {
        if let Some(frame) = self.people.get_mut(name).unwrap().outbound.pop_front() {
            self.relay.receive(name, frame);
        }
    }

    /// At most so many of the relay's frames reach this person.
    pub fn down(&mut self, name: &str, at_most: usize) {
        let frames = self.relay.take(name, at_most);
        if !frames.is_empty() && self.people[name].connected {
            self.frames(name, frames);
        }
    }

    pub fn frames(&mut self, name: &str, frames: Vec<RelayFrame>) {
        let relay = self.address();
        self.input(name, Input::Frames { relay, frames });
    }

    /// Lets time pass, in steps, so that whatever is due gets done.
    pub fn wait(&mut self, milliseconds: u64) {
        let end = self.now.plus(milliseconds);
        while self.now < end {
            let due = self
                .people
                .values()
                .map(|person| person.deadline)
                .min()
                .unwrap_or(end);
            self.now = due.max(self.now.plus(1)).min(end);
            let names: Vec<_> = self.people.keys().copied().collect();
            for name in names {
                if self.people[name].deadline <= self.now {
                    self.input(name, Input::Deadline);
                }
            }
            self.settle();
        }
    }

    pub fn command(&mut self, name: &str, command: Command) -> Result<Done, Problem> {
        self.input(name, Input::Commands(vec![command])).remove(0)
    }

    pub fn invite(&mut self, name: &str, single_use: bool) -> String {
        let command = Command::CreateInvite {
            single_use,
            lifetime_seconds: 86_400,
        };
        let Done::Invite { link, .. } = self.command(name, command).unwrap() else {
            panic!("no invite")
        };
        self.settle();
        link
    }

    pub fn open_invite(&mut self, name: &str, link: &str) -> Result<ConversationId, Problem> {
        match self.command(name, Command::OpenInvite { link: link.into() })? {
            Done::Conversation { conversation } => {
                self.settle();
                Ok(conversation)
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn accept(&mut self, name: &str) -> ConversationId {
        let request = self.reader(name).requests().unwrap()[0].request;
        let done = self
            .command(name, Command::AcceptRequest { request })
            .unwrap();
        let Done::Conversation { conversation } = done else {
            panic!("{done:?}")
        };
        self.settle();
        conversation
    }

    /// Through the real invite flow; gives both conversations.
    pub fn introduce(&mut self, inviter: &str, guest: &str) -> (ConversationId, ConversationId) {
        let link = self.invite(inviter, true);
        let theirs = self.open_invite(guest, &link).unwrap();
        let mine = self.accept(inviter);
        (mine, theirs)
    }

    pub fn reader(&self, name: &str) -> Reader {
        self.people[name].engine.reader().unwrap()
    }

    pub fn say(&mut self, name: &str, conversation: ConversationId, text: &str) -> MessageId {
        let command = Command::SendText {
            conversation,
            text: text.into(),
        };
        let Done::Message { message } = self.command(name, command).unwrap() else {
            panic!("no message")
        };
        message
    }

    /// Texts as shown, oldest first.
    pub fn texts(
        &self,
        name: &str,
        conversation: ConversationId,
    ) -> Vec<(Author, String, Delivery)> {
        let mut reader = self.reader(name);
        let mut all = Vec::new();
        let mut before = None;
        loop {
            let page = reader.messages(conversation, before, 500).unwrap();
            before = page.messages.first().map(|message| message.order);
            let texts = page
                .messages
                .into_iter()
                .rev()
                .filter_map(|message| match message.body {
                    Body::Text { text } => Some((message.author, text, message.delivery)),
                    _ => None,
                });
            all.extend(texts);
            if !page.more {
                break;
            }
        }
        all.reverse();
        all
    }
}

fn opened(path: &std::path::Path, seed: u8) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    let key = hex::encode([seed; 32]);
    let pragma = format!("PRAGMA key = \"x'{key}'\"");
    connection.execute_batch(&pragma).unwrap();
    connection
}
