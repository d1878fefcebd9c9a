//! Reading a channel: what is known of its entries says where their bodies are.

use std::sync::Arc;

use futures_util::StreamExt as _;
use sotto_wire::{ChannelId, Entry, Gap, Position};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::NatsStore;
use super::actor::Actor;
use super::commit::Step;
use super::decide::there;
use super::event::{Change, Record};
use super::orders::Work;
use super::state::{Kept, State};
use crate::jetstream::open;
use crate::store::{Item, StoreError, Stored};

/// Bodies in one answer, in bytes, save that one entry always fits.
const BYTES: u64 = 512 * 1024;
/// Bodies fetched at once.
const AT_ONCE: usize = 16;
/// Tries, while entries go away as they are being read.
const TRIES: usize = 4;

/// An item of a page, without the body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Gap(Gap),
    /// The number of the entry's message.
    Entry(u64),
}

/// Reads up to `limit` items after `after`.
pub(super) async fn read(
    store: &NatsStore,
    channel: ChannelId,
    after: Position,
    limit: usize,
) -> Stored<Vec<Item>> {
    for again in 0..TRIES {
        let (answer, parts) = oneshot::channel();
        store.shared.hand_over(
            channel,
            Work::Read {
                after,
                limit,
                look: again > 0,
                answer,
            },
        );
        let parts = parts.await.unwrap_or(Err(StoreError::Unsure))?;
        let shard = store.shared.streams.subjects(&channel).shard;
        let fetched = parts.into_iter().map(|part| fetch(store, shard, part));
        let items: Vec<Fetched> = futures_util::stream::iter(fetched)
            .buffered(AT_ONCE)
            .collect()
            .await;
        if items.iter().any(|item| matches!(item, Fetched::Silent)) {
            return Err(StoreError::Unavailable);
        }
        let count = items.len();
        let whole: Vec<Item> = items
            .into_iter()
            .map_while(|item| match item {
                Fetched::Item(item) => Some(item),
                Fetched::Gone | Fetched::Silent => None,
            })
            .collect();
        // As far as everything was there; what has just gone is a gap next time.
        if whole.len() == count || !whole.is_empty() {
            return Ok(whole);
        }
    }
    Err(StoreError::Unavailable)
}

enum Fetched {
    Item(Item),
    Gone,
    Silent,
}

async fn fetch(store: &NatsStore, shard: usize, part: Part) -> Fetched {
    let message = match part {
        Part::Gap(gap) => return Fetched::Item(Item::Gap(gap)),
        Part::Entry(message) => message,
    };
    let message = match store.shared.streams.message(shard, message).await {
        Ok(Some(message)) => message,
        Ok(None) => return Fetched::Gone,
        Err(_) => return Fetched::Silent,
    };
    match open::<Record>(&message.payload).map(|record| record.change) {
        Ok(Change::Appended {
            trace,
            body: Some(body),
        }) => Fetched::Item(Item::Entry(Arc::new(Entry {
            position: trace.position,
            lane: trace.lane,
            append: trace.append,
            body: body.0,
            fence: trace.fence,
        }))),
        _ => Fetched::Silent,
    }
}

impl Actor {
    /// What a page consists of. Where somebody listens, memory is as new as what it was told;
    /// else the log is looked at first.
    pub(super) async fn read(
        &mut self,
        since: Instant,
        after: Position,
        limit: usize,
        look: bool,
    ) -> Stored<Vec<Part>> {
        if self.ear.is_some() && self.loaded.is_some() && !look {
            return there(self.state()).map(|state| state.page(after, limit));
        }
        self.commit(since, |state| {
            Ok(Step::Done(there(state)?.page(after, limit)))
        })
        .await
    }
}

impl State {
    fn page(&self, after: Position, limit: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        // Gone entries in a row make one gap, named by its last.
        let mut gap = (self.base.position > after).then(|| self.base.gap());
        let mut bytes = 0;
        for known in self.entries.range(after.next().0..).map(|(_, known)| known) {
            if parts.len() >= limit || bytes >= BYTES {
                return parts;
            }
            match known.kept {
                Kept::Gone(_) => {
                    gap = Some(Gap {
                        until: known.trace.position,
                        hash: known.trace.hash,
                        handshakes: known.trace.handshakes,
                    });
                }
                Kept::Live(message) => {
                    parts.extend(gap.take().map(Part::Gap));
                    bytes += known.trace.size;
                    parts.push(Part::Entry(message));
                }
            }
        }
        parts.extend(gap.map(Part::Gap));
        parts
    }
}
