//! The writing thread: gathers what waits, applies it in one transaction, commits, answers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use sotto_suite::sign::PublicKey;
use sotto_wire::{Appended, ChannelId, PackageOffer, Position, SlotId, SlotStatus, Subscribed};
use tokio::sync::oneshot::Sender;

use super::log::{self, DiskFailed};
use super::memory::Memory;
use super::{SqliteOptions, schema};
use crate::feed::{Feeds, Listener};
use crate::metrics::Metrics;
use crate::store::{Deposit, NewChannel, NewEntry, Seconds, StoreError, Stored};

/// What is handed to the thread.
pub(super) enum Order {
    /// To be answered.
    Work(Work),
    /// A cursor; not answered.
    Acknowledge {
        channel: ChannelId,
        subscriber: PublicKey,
        position: Position,
    },
}

/// What is to be answered.
pub(super) enum Work {
    Create(NewChannel, Sender<Stored<()>>),
    Append(NewEntry, Sender<Stored<Appended>>),
    Signal {
        channel: ChannelId,
        writer: PublicKey,
        answer: Sender<Stored<Appended>>,
    },
    Attach {
        channel: ChannelId,
        subscriber: PublicKey,
        listener: Arc<Listener>,
        answer: Sender<Stored<Subscribed>>,
    },
    Unsubscribe {
        channel: ChannelId,
        subscriber: PublicKey,
        answer: Sender<Stored<()>>,
    },
    SetWriter {
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
        card: Option<Vec<u8>>,
        answer: Sender<Stored<()>>,
    },
    RevokeWriter {
        channel: ChannelId,
        admin: PublicKey,
        writer: PublicKey,
        answer: Sender<Stored<()>>,
    },
    Card {
        channel: ChannelId,
        writer: PublicKey,
        answer: Sender<Stored<Vec<u8>>>,
    },
    Deposit(Deposit, Sender<Stored<()>>),
    Pool {
        channel: ChannelId,
        admin: PublicKey,
        answer: Sender<Stored<Vec<SlotStatus>>>,
    },
    Take {
        channel: ChannelId,
        writer: PublicKey,
        slots: Vec<SlotId>,
        answer: Sender<Stored<Vec<PackageOffer>>>,
    },
    Delete {
        channel: ChannelId,
        admin: PublicKey,
        answer: Sender<Stored<()>>,
    },
    Expire {
        now: Seconds,
        answer: Sender<Stored<()>>,
    },
    Ready {
        answer: Sender<Stored<()>>,
    },
    Settle {
        answer: Sender<Stored<()>>,
    },
}

/// Orders in one transaction.
const BATCH: usize = 512;
/// How long a batch waits at most for those whom the last one has answered.
const LONGEST_WAIT: Duration = Duration::from_millis(1);
/// How long a cursor may stay unwritten.
const CURSORS: Duration = Duration::from_millis(50);
/// How long deleted bodies may stay in the log while the thread is busy, and while it is idle.
const WIPE_BUSY: Duration = Duration::from_secs(5);
const WIPE_IDLE: Duration = Duration::from_millis(250);

/// How soon a disk that failed is tried again.
const MEND: Duration = Duration::from_secs(1);

/// To be done once the transaction is durable, in this order.
pub(super) type After = Box<dyn FnOnce(&Feeds) + Send>;
/// Answers once it is known whether the transaction is durable.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The thread's state. Its methods on orders are in `apply` and `sweep`.
pub(super) struct Writer {
    path: PathBuf,
    pub(super) file: Connection,
    disk_failed: DiskFailed,
    mend_not_before: Option<Instant>,
    pub(super) options: SqliteOptions,
    pub(super) memory: Memory,
    /// Channels in the file.
    pub(super) count: u64,
    /// Cursors moved in memory but not in the file.
    pub(super) moved: HashMap<ChannelId, Vec<PublicKey>>,
    moved_since: Option<Instant>,
    /// Answers that the last batch gave, and how long it took.
    answered_before: usize,
    synced_in: Duration,
    /// Bodies deleted whose bytes the log may still hold.
    pub(super) wipe: bool,
    wipe_since: Option<Instant>,
    /// A disk that can't be written to is not asked all the time.
    wipe_not_before: Option<Instant>,
    settle: bool,
    after: Vec<After>,
    feeds: Arc<Feeds>,
    metrics: Arc<Metrics>,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        mut file: Connection,
        count: u64,
        options: SqliteOptions,
        feeds: Arc<Feeds>,
        metrics: Arc<Metrics>,
    ) -> rusqlite::Result<Self> {
        let disk_failed = DiskFailed::default();
        log::copy_after_commits(&mut file, disk_failed.clone())?;
        Ok(Self {
            path,
            file,
            disk_failed,
            mend_not_before: None,
            memory: Memory::new(options.cached_channels),
            options,
            count,
            moved: HashMap::new(),
            moved_since: None,
            answered_before: 0,
            synced_in: Duration::ZERO,
            wipe: false,
            wipe_since: None,
            wipe_not_before: None,
            settle: false,
            after: Vec::new(),
            feeds,
            metrics,
        })
    }

    /// Works until the other side has gone.
    pub(super) fn run(mut self, waiting: &Receiver<Order>) {
        loop {
            let mut batch = Vec::new();
            match self.next_order(waiting) {
                Ok(order) => batch.push(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.gather(&mut batch, waiting);
            self.run_batch(batch);
            self.evict();
        }
        self.settle = true;
        self.run_batch(Vec::new());
    }

    /// Whatever waits goes into one batch. Who was answered by the last one is about to come again,
    /// and a sync costs the same for few as for many: as long as fewer are here than then, some part
    /// of a sync's time is given to the others.
    fn gather(&self, batch: &mut Vec<Order>, waiting: &Receiver<Order>) {
        let until = Instant::now() + self.synced_in / 2;
        while batch.len() < BATCH {
            let more = match waiting.try_recv() {
                Ok(order) => Ok(order),
                Err(_) if batch.is_empty() || batch.len() >= self.answered_before => break,
                Err(_) => waiting.recv_timeout(until.saturating_duration_since(Instant::now())),
            };
            match more {
                Ok(order) => batch.push(order),
                Err(_) => break,
            }
        }
    }

    fn next_order(&self, waiting: &Receiver<Order>) -> Result<Order, RecvTimeoutError> {
        let due = |since: Option<Instant>, within| {
            since.map(|since| within - since.elapsed().min(within))
        };
        let wait = match (
            due(self.moved_since, CURSORS),
            self.wipe.then_some(WIPE_IDLE),
        ) {
            (Some(cursors), Some(wipe)) => cursors.min(wipe),
            (Some(wait), None) | (None, Some(wait)) => wait,
            (None, None) => return waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        waiting.recv_timeout(wait)
    }

    fn run_batch(&mut self, batch: Vec<Order>) {
        let idle = batch.is_empty();
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let started = Instant::now();
        let works = batch.iter().any(|order| matches!(order, Order::Work(_)));
        let result = self.transact(batch, &mut answers, works || self.settle);
        if works {
            let took = started.elapsed();
            self.metrics.batch(answers.len(), took);
            self.answered_before = answers.len();
            self.synced_in = took.min(LONGEST_WAIT * 2);
        }
        let after = std::mem::take(&mut self.after);
        match result {
            Ok(()) => {
                for step in after {
                    step(&self.feeds);
                }
            }
            // What memory holds may be ahead of the file now.
            Err(_) => self.forget(),
        }
        // A settling caller is answered when the disk has been wiped, too.
        let result = result.and_then(|()| self.wipe_if_due(idle));
        for answer in answers {
            answer(result);
        }
    }

    /// Applies the orders and commits. Cursors are written along when they are due; by themselves
    /// they need no sync, for a lost one costs a repeated delivery.
    fn transact(
        &mut self,
        batch: Vec<Order>,
        answers: &mut Vec<Answer>,
        works: bool,
    ) -> Result<(), StoreError> {
        let cursors_due = self
            .moved_since
            .is_some_and(|since| since.elapsed() >= CURSORS);
        let writes = works || cursors_due;
        let mut result = match writes {
            true => self.mended().and_then(|()| self.begin(works)),
            false => Ok(()),
        };
        for order in batch {
            match order {
                Order::Acknowledge {
                    channel,
                    subscriber,
                    position,
                } => {
                    let moved = self.acknowledge(channel, subscriber, position);
                    result = result.and(moved.map_err(|error| failed(&error)));
                }
                Order::Work(work) => {
                    let applied = self.apply(work, answers, result.is_ok());
                    result = result.and(applied.map_err(|error| failed(&error)));
                }
            }
        }
        if self.moved_since.is_none() && !self.moved.is_empty() {
            self.moved_since = Some(Instant::now());
        }
        if !writes {
            return result;
        }
        if result.is_ok() && (cursors_due || self.settle) {
            result = self.write_cursors().map_err(|error| failed(&error));
            self.moved_since = None;
        }
        match result {
            Ok(()) => self.commit(),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn begin(&self, durable: bool) -> Result<(), StoreError> {
        let synchronous = if durable { "FULL" } else { "NORMAL" };
        self.file
            .pragma_update(None, "synchronous", synchronous)
            .and_then(|()| self.file.prepare_cached("BEGIN IMMEDIATE")?.execute([]))
            .map(drop)
            .map_err(|error| failed(&error))
    }

    /// Only a commit that ran out of room is known to have kept nothing; after any other failure
    /// of the disk the log may turn out to hold it.
    fn commit(&self) -> Result<(), StoreError> {
        let committed = self
            .file
            .prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]));
        committed.map(drop).map_err(|error| {
            tracing::error!(%error, "commit failed");
            self.roll_back();
            self.notice(&error);
            if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
                StoreError::Unavailable
            } else {
                StoreError::Unsure
            }
        })
    }

    /// From the first failed sync on nothing is written until the log has been mended.
    fn notice(&self, error: &rusqlite::Error) {
        if log::says_disk_failed(error) {
            self.disk_failed.set();
        }
    }

    /// Nothing is known to be lost and nothing is written while the disk fails: see [`log`].
    fn mended(&mut self) -> Result<(), StoreError> {
        if !self.disk_failed.is_set() {
            return Ok(());
        }
        let now = Instant::now();
        if self.mend_not_before.is_some_and(|at| at > now) {
            return Err(StoreError::Unavailable);
        }
        self.mend_not_before = Some(now + MEND);
        log::take_in_at_closing(&self.file, false);
        match log::mend(&self.path, &self.file, &self.disk_failed) {
            Ok(()) => {
                tracing::warn!("the disk failed and works again; nothing answered is lost");
                self.mend_not_before = None;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the disk fails: nothing is stored until it works again");
                Err(StoreError::Unavailable)
            }
        }
    }

    fn roll_back(&self) {
        // SQLite has rolled back by itself after some errors, and says so by failing here.
        let _ = self.file.execute_batch("ROLLBACK");
    }

    fn forget(&mut self) {
        // Rolled back, the file has what it had before; where it can't be asked, the next commit
        // fails as well.
        self.count = schema::channels(&self.file).unwrap_or(self.count);
        self.memory.clear();
        self.moved.clear();
        self.moved_since = None;
    }

    /// Empties the log into the file, so that what was deleted is nowhere any more.
    fn wipe_if_due(&mut self, idle: bool) -> Result<(), StoreError> {
        if self.wipe && self.wipe_since.is_none() {
            self.wipe_since = Some(Instant::now());
        }
        let waited = self.wipe_since.map(|since| since.elapsed());
        let calm = self.wipe_not_before.is_none_or(|at| at <= Instant::now());
        let due =
            calm && waited.is_some_and(|waited| waited >= WIPE_BUSY || idle && waited >= WIPE_IDLE);
        if !due && !self.settle {
            return Ok(());
        }
        self.mended()?;
        self.settle = false;
        self.wipe = false;
        self.wipe_since = None;
        self.wipe_not_before = None;
        let busy: Result<i64, _> =
            self.file
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match busy {
            Ok(0) => Ok(()),
            // A reader stood in the way: next time.
            Ok(_) => {
                self.wipe = true;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "checkpoint failed");
                self.notice(&error);
                self.wipe = true;
                self.wipe_not_before = Some(Instant::now() + WIPE_BUSY);
                Err(failed(&error))
            }
        }
    }

    /// Keeps the memory for channels within its bounds. One whose cursors are not written yet stays,
    /// for the file is all that knows a channel then.
    fn evict(&mut self) {
        let moved = &self.moved;
        self.memory.keep_bounds(|id| moved.contains_key(id));
    }

    /// Will wipe and write cursors with this batch.
    pub(super) fn settle_soon(&mut self) {
        self.settle = true;
    }

    /// To be done once this batch is durable.
    pub(super) fn then(&mut self, step: impl FnOnce(&Feeds) + Send + 'static) {
        self.after.push(Box::new(step));
    }
}

/// What an error of SQLite before the commit means: nothing has been kept.
pub(super) fn failed(error: &rusqlite::Error) -> StoreError {
    tracing::warn!(%error, "the store refused a step");
    StoreError::Unavailable
}
