//! redb: copy-on-write B-trees in one file.

use std::path::Path;

use ::redb::{Database, ReadableDatabase as _, TableDefinition};

use crate::engine::{Engine, Entry};

const BODIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bodies");
const TRACES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("traces");

pub struct Redb {
    file: Database,
    count: u64,
}

impl Redb {
    pub fn open(folder: &Path) -> Self {
        let file = Database::builder()
            .set_cache_size(16 << 20)
            .create(folder.join("relay.redb"))
            .expect("a file");
        Self { file, count: 0 }
    }
}

impl Engine for Redb {
    fn append(&mut self, group: &[Entry]) {
        let step = self.file.begin_write().expect("begin");
        {
            let mut bodies = step.open_table(BODIES).expect("a table");
            let mut traces = step.open_table(TRACES).expect("a table");
            for entry in group {
                bodies
                    .insert(entry.place().as_slice(), entry.body.as_slice())
                    .expect("a row");
                traces
                    .insert(entry.trace().as_slice(), entry.position)
                    .expect("a row");
            }
        }
        step.commit().expect("commit");
        self.count += group.len() as u64;
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn page(&mut self, channel: u64, limit: usize) -> usize {
        let read = self.file.begin_read().expect("begin");
        let bodies = read.open_table(BODIES).expect("a table");
        let (from, to) = (channel.to_be_bytes(), (channel + 1).to_be_bytes());
        bodies
            .range(from.as_slice()..to.as_slice())
            .expect("a range")
            .take(limit)
            .map(|row| row.expect("a row").1.value().to_vec())
            .count()
    }

    fn let_go(&mut self, group: &[Entry]) {
        let step = self.file.begin_write().expect("begin");
        {
            let mut bodies = step.open_table(BODIES).expect("a table");
            for entry in group {
                bodies.remove(entry.place().as_slice()).expect("removed");
            }
        }
        step.commit().expect("commit");
    }

    fn forget_all(&mut self) {
        let step = self.file.begin_write().expect("begin");
        step.delete_table(BODIES).expect("deleted");
        step.commit().expect("commit");
    }

    fn settle(&mut self) {
        self.file.compact().expect("compacted");
    }
}
