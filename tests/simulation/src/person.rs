//! Somebody with a device: an engine on a disk of their own, and their end of a connection.

use std::path::PathBuf;

use sotto_engine::{
    AccountId, ConversationId, Engine, EngineError, NewProfile, Reader, Suite, Timestamp,
};
use sotto_suite::provider::{SUITE, SottoCrypto};
use sotto_suite::rand::SeededRandom;
use sotto_suite::secret::Secret;
use sotto_wire::RelayAddress;

use crate::chance::Chance;
use crate::network::Stream;

/// Names of the people, in order.
const NAMES: [&str; 26] = [
    "Alice", "Bob", "Carol", "Dan", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy", "Karl",
    "Lea", "Mallory", "Nora", "Oscar", "Peggy", "Quinn", "Rupert", "Sybil", "Trent", "Ursula",
    "Victor", "Walter", "Xenia", "Yves", "Zoe",
];

/// What a process holds; gone when it ends.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) reader: Reader,
    /// By the device's own clock.
    pub(crate) deadline: Timestamp,
}

/// A person.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) account: AccountId,
    /// None while the device is off.
    pub(crate) process: Option<Process>,
    pub(crate) folder: PathBuf,
    /// How often the device was started.
    pub(crate) life: u64,
    /// How far the device's clock is ahead, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) stream: Option<Stream>,
    /// The engine still believes in a connection that is gone.
    pub(crate) deceived: bool,
    /// When to connect next.
    pub(crate) back_at: u64,
    /// When a device that is off is switched on.
    pub(crate) wake_at: u64,
    /// When the connection that stands began.
    pub(crate) connected_at: u64,
    /// When this device last had a connection that counts, if it has none now.
    pub(crate) last_online: u64,
    key: [u8; 32],
}

/// Randomness of one life of one device, for one purpose.
fn random(seed: u64, who: usize, life: u64, purpose: u64) -> SeededRandom {
    let mut chance = Chance::of(seed, (who as u64) << 40 | life << 8 | purpose | 1 << 60);
    SeededRandom::new(chance.seed())
}

fn suite(seed: u64, who: usize, life: u64) -> Suite {
    Suite::of(SottoCrypto::with_random(random(seed, who, life, 1)), SUITE)
}

impl Person {
    pub(crate) fn create(
        seed: u64,
        who: usize,
        folder: PathBuf,
        relay: RelayAddress,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let key = Chance::of(seed, who as u64 | 1 << 61).seed();
        let name = NAMES[who % NAMES.len()].to_owned();
        let new = NewProfile {
            name: name.clone(),
            relay,
            device_name: "laptop".into(),
        };
        let mut engine = Engine::create_on(
            &suite(seed, who, 0),
            &folder.join("profile.db"),
            &Secret::new(key),
            new,
            Box::new(random(seed, who, 0, 0)),
            now,
        )?;
        let mut reader = engine.reader()?;
        let account = reader.account()?.account;
        engine.start(now)?;
        Ok(Self {
            name,
            account,
            process: Some(Process {
                engine,
                reader,
                deadline: now,
            }),
            folder,
            life: 0,
            skew: 0,
            stream: None,
            deceived: false,
            back_at: now.0,
            wake_at: 0,
            connected_at: now.0,
            last_online: now.0,
            key,
        })
    }

    /// Somebody whose device is off, and of whom nothing is in memory.
    pub(crate) fn asleep(&self, folder: PathBuf, wake_at: u64) -> Self {
        Self {
            name: self.name.clone(),
            process: None,
            folder,
            stream: None,
            deceived: false,
            wake_at,
            ..*self
        }
    }

    /// Opens what lies on the disk.
    pub(crate) fn open(&mut self, seed: u64, who: usize) -> Result<Process, EngineError> {
        self.life += 1;
        let engine = Engine::open_on(
            &suite(seed, who, self.life),
            &self.folder.join("profile.db"),
            &Secret::new(self.key),
            Box::new(random(seed, who, self.life, 0)),
        )?;
        let reader = engine.reader()?;
        Ok(Process {
            engine,
            reader,
            deadline: Timestamp(0),
        })
    }

    /// Their database as whoever has the key sees it, beside the engine.
    pub(crate) fn beside(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.folder.join("profile.db")).unwrap();
        let key = hex::encode(self.key);
        connection
            .execute_batch(&format!("PRAGMA key = \"x'{key}'\""))
            .unwrap();
        connection
    }

    /// The group of a conversation, which is the same on both sides.
    pub(crate) fn group(&self, conversation: ConversationId) -> Option<Vec<u8>> {
        let sql = "SELECT group_id FROM conversations WHERE id = ?1";
        let beside = self.beside();
        let found = beside.query_row(sql, [conversation.0], |row| row.get(0));
        found.unwrap()
    }

    /// What the device's clock says.
    pub(crate) fn clock(&self, now: u64) -> Timestamp {
        Timestamp(now.saturating_add_signed(self.skew))
    }

    /// When a time of the device's clock will be.
    pub(crate) fn world_time(&self, local: Timestamp) -> u64 {
        local.0.saturating_add_signed(self.skew.saturating_neg())
    }

    /// For how long the relay has not heard of this device. A connection counts after a minute: before,
    /// what is due may not have got there.
    pub(crate) fn away(&self, now: u64) -> u64 {
        if self.stream.is_some() && now - self.connected_at >= 60_000 {
            0
        } else {
            now - self.last_online
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.process.is_some()
    }
}
