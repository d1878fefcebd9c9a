//! fjall: log-structured merge trees.

use std::path::Path;

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::engine::{Engine, Entry};

pub struct Fjall {
    file: Database,
    bodies: Keyspace,
    traces: Keyspace,
    count: u64,
}

impl Fjall {
    pub fn open(folder: &Path) -> Self {
        let file = Database::builder(folder)
            .cache_size(16 << 20)
            .open()
            .expect("a folder");
        let bodies = file
            .keyspace("bodies", KeyspaceCreateOptions::default)
            .expect("a keyspace");
        let traces = file
            .keyspace("traces", KeyspaceCreateOptions::default)
            .expect("a keyspace");
        Self {
            file,
            bodies,
            traces,
            count: 0,
        }
    }
}

impl Engine for Fjall {
    fn append(&mut self, group: &[Entry]) {
        let mut step = self.file.batch().durability(Some(PersistMode::SyncData));
        for entry in group {
            step.insert(&self.bodies, entry.place(), entry.body.as_slice());
            step.insert(&self.traces, entry.trace(), entry.position.to_be_bytes());
        }
        step.commit().expect("commit");
        self.count += group.len() as u64;
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn page(&mut self, channel: u64, limit: usize) -> usize {
        self.bodies
            .prefix(channel.to_be_bytes())
            .take(limit)
            .map(|row| row.value().expect("a body").to_vec())
            .count()
    }

    fn let_go(&mut self, group: &[Entry]) {
        let mut step = self.file.batch().durability(Some(PersistMode::SyncData));
        for entry in group {
            step.remove(&self.bodies, entry.place());
        }
        step.commit().expect("commit");
    }

    fn forget_all(&mut self) {
        let places: Vec<_> = self
            .bodies
            .iter()
            .map(|row| row.key().expect("a key"))
            .collect();
        for some in places.chunks(512) {
            let mut step = self.file.batch().durability(Some(PersistMode::SyncData));
            for place in some {
                step.remove(&self.bodies, place.clone());
            }
            step.commit().expect("commit");
        }
    }

    fn settle(&mut self) {
        self.bodies.major_compact().expect("compacted");
    }
}
