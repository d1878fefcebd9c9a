//! Following the records, so that each process knows what all have kept.
//!
//! A message that is deleted before this process has seen it is not missed: what comes after it is a
//! whole record. Only that a blob has gone may be missed, and is found by the next sweep.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures_util::StreamExt as _;
use sotto_wire::BlobId;
use tokio_util::sync::CancellationToken;

use super::log::Message;
use super::{OpenError, Shared};
use crate::jetstream::{Silent, open, silent};

/// Messages asked for at once.
const BATCH: usize = 500;
/// How long the servers wait for a message; after that they are asked whether they still know us.
const WAIT: Duration = Duration::from_secs(20);
/// How long the servers may take for some of what there is.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without a question the servers forget a process.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Before asking again servers that did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How often at the start, before the servers are given up.
const TRIES: usize = 20;

/// Reads the records from the first on.
pub(super) struct Follower {
    shared: Arc<Shared>,
    consumer: Option<PullConsumer>,
    /// What the consumer has delivered.
    delivered: u64,
}

/// Whether to wait for something to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Yes,
}

impl Follower {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            consumer: None,
            delivered: 0,
        }
    }

    /// Reads what is there.
    pub(super) async fn catch_up(&mut self) -> Result<(), OpenError> {
        let mut tries = 0;
        loop {
            let heard = tokio::time::timeout(PATIENCE, self.hear(Wait::No)).await;
            match heard.unwrap_or(Err(Silent)) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(Silent) if tries < TRIES => {
                    tries += 1;
                    self.consumer = None;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(silent) => return Err(OpenError::Streams(silent.to_string())),
            }
        }
    }

    /// Reads what comes.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut connected = self.shared.streams.connected.clone();
        connected.mark_unchanged();
        loop {
            let heard = tokio::select! {
                () = stop.cancelled() => return,
                // What came meanwhile may have got lost.
                Ok(()) = connected.changed() => Err(Silent),
                heard = self.hear(Wait::Yes) => heard,
            };
            if heard.is_err() {
                self.consumer = None;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }

    /// Takes in what there is, and says how many messages that were.
    async fn hear(&mut self, wait: Wait) -> Result<usize, Silent> {
        let mut consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self.consumer().await?,
        };
        let messages = match wait {
            Wait::No => consumer.fetch().max_messages(BATCH).messages().await,
            Wait::Yes => {
                let batch = consumer.batch().max_messages(BATCH).expires(WAIT);
                batch.messages().await
            }
        };
        let mut messages = messages.map_err(|error| silent(&error))?;
        let mut count = 0;
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| silent(&error))?;
            let info = message.info().map_err(|error| silent(&error))?;
            if info.consumer_sequence != self.delivered + 1 {
                return Err(Silent);
            }
            self.delivered += 1;
            self.take_in(info.stream_sequence, &message);
            count += 1;
        }
        if count == 0 && wait == Wait::Yes {
            consumer.info().await.map_err(|error| silent(&error))?;
        }
        self.consumer = Some(consumer);
        Ok(count)
    }

    fn take_in(&self, number: u64, message: &async_nats::Message) {
        let table = &self.shared.table;
        // A message that is none of ours was reported by `open`, and counts as none.
        let opened = open::<Message>(&message.payload).map_err(Silent::from);
        if let (Some(blob), Ok(opened)) = (blob_of(message.subject.as_str()), opened) {
            table.hear(&blob, number, opened.before, &opened.held);
        }
        table.heard(number);
    }

    async fn consumer(&mut self) -> Result<PullConsumer, Silent> {
        let start_sequence = self.shared.table.heard_until() + 1;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        self.delivered = 0;
        let records = self.shared.streams.records.raw();
        let made = records.create_consumer(config).await;
        made.map_err(|error| silent(&error))
    }
}

/// The blob that a subject is about.
pub(super) fn blob_of(subject: &str) -> Option<BlobId> {
    let id = hex::decode(subject.rsplit('.').next()?).ok()?;
    Some(BlobId(id.try_into().ok()?))
}
