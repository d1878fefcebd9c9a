//! Letting go by age. Each channel is put down for the day on which something of it will be too
//! old, so that nobody has to look at all channels to find those.

use std::sync::{Arc, PoisonError};

use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::actor::Actor;
use super::commit::Step;
use super::decide::there;
use super::event::{Base, Change};
use super::orders::Work;
use super::state::{Kept, State, some_of};
use crate::store::{Retention, Seconds, StoreError, Stored};

const DAY: Seconds = 24 * 60 * 60;
/// How far back the first look of a process goes: longer than any relay was out of service.
const BACK: u64 = 400;
/// Days, and channels, looked at at once.
const AT_ONCE: usize = 32;

/// Lets go of what is too old at `now`, in all channels.
pub(super) async fn expire(shared: Arc<Shared>, now: Seconds) -> Stored<()> {
    let today = now / DAY;
    let known = *shared
        .looked_at
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // A day again, for clocks differ.
    let first = known
        .unwrap_or(today.saturating_sub(BACK))
        .min(today)
        .saturating_sub(1);
    let days = futures_util::stream::iter(first..=today);
    let done: Vec<Stored<()>> = days
        .map(|day| look_at(&shared, day, now))
        .buffered(AT_ONCE)
        .collect()
        .await;
    done.into_iter().collect::<Stored<()>>()?;
    *shared
        .looked_at
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(today);
    Ok(())
}

async fn look_at(shared: &Arc<Shared>, day: u64, now: Seconds) -> Stored<()> {
    let channels = shared.streams.put_down_for(day).await;
    let channels = channels.map_err(|_| StoreError::Unavailable)?;
    if channels.is_empty() {
        return Ok(());
    }
    let expiring = futures_util::stream::iter(channels).map(|channel| {
        let (answer, answered) = oneshot::channel();
        shared.hand_over(channel, Work::Expire { now, answer });
        async { answered.await.unwrap_or(Err(StoreError::Unavailable)) }
    });
    let done: Vec<Stored<()>> = expiring.buffered(AT_ONCE).collect().await;
    done.into_iter().collect::<Stored<()>>()?;
    // Of today somebody may be putting one down just now.
    if day < now / DAY {
        let struck = shared.streams.strike_out(day).await;
        struck.map_err(|_| StoreError::Unavailable)?;
    }
    Ok(())
}

impl Actor {
    pub(super) async fn expire(&mut self, since: Instant, now: Seconds) -> Stored<()> {
        let keep = self.shared.options.retention;
        loop {
            let more = self
                .commit(since, |state| {
                    let state = there(state)?;
                    let (change, more) = state.too_old(now, &keep);
                    match change {
                        Some(change) => Ok(Step::Write(change, more)),
                        None => Ok(Step::Done(false)),
                    }
                })
                .await;
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(StoreError::NotFound) => {
                    // Deleted, and not cleared away in full.
                    if self.last() > 0 {
                        self.clear_away(Vec::new()).await;
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl State {
    /// What is too old at `now`, and whether there is more of it; none if nothing has to be written.
    fn too_old(&self, now: Seconds, keep: &Retention) -> (Option<Change>, bool) {
        let before = |age: Seconds| now.saturating_sub(age);
        let live = self
            .live
            .iter()
            .filter_map(|position| self.entries.get(position));
        let (gone, more) =
            some_of(live.filter(|known| known.trace.at < before(keep.of(known.trace.lane))));
        // From the start up to the first that has to stay.
        let forgotten = self.entries.values().take_while(|known| match known.kept {
            Kept::Gone(at) => at < before(keep.traces),
            Kept::Live(_) => false,
        });
        let base = forgotten.last().map(|known| Base {
            position: known.trace.position,
            hash: known.trace.hash,
            handshakes: known.trace.handshakes,
        });
        let pool = self.pool.values().flat_map(|slot| slot.packages.iter());
        let old = pool.filter(|(_, at)| *at < before(keep.packages));
        let staged = self.staged.iter().filter(|(_, at)| **at < before(DAY));
        let packages: Vec<u64> = old
            .map(|(package, _)| *package)
            .chain(staged.map(|(package, _)| *package))
            .collect();
        let nothing = gone.is_empty() && packages.is_empty() && base.is_none();
        // The day that brought us here is struck out; the next is to be put down.
        if nothing && self.due == self.next_due(keep) {
            return (None, false);
        }
        let change = Change::Expired {
            gone,
            packages,
            base,
        };
        (Some(change), more)
    }
}

/// The day on which a channel has to be looked at because of a change.
pub(super) fn due_day(change: &Change, at: Seconds, keep: &Retention) -> Option<u64> {
    let after = match change {
        Change::Appended { trace, body } => match body {
            Some(_) => keep.of(trace.lane),
            None => keep.traces,
        },
        Change::Acknowledged { gone, .. } | Change::Unsubscribed { gone, .. } => {
            (!gone.is_empty()).then_some(keep.traces)?
        }
        Change::Packaged { .. } => DAY,
        Change::Deposited { .. } => keep.packages,
        // What could not be cleared away at once is cleared away then.
        Change::Deleted => 0,
        Change::Created { .. }
        | Change::WriterSet { .. }
        | Change::WriterRevoked { .. }
        | Change::Taken { .. }
        | Change::Snapshot { .. }
        | Change::Expired { .. } => return None,
    };
    Some((at + after) / DAY)
}

impl State {
    /// The first day on which something of this channel is too old.
    pub(super) fn next_due(&self, keep: &Retention) -> Option<u64> {
        let entries = self.entries.values().map(|known| match known.kept {
            Kept::Live(_) => known.trace.at + keep.of(known.trace.lane),
            Kept::Gone(at) => at + keep.traces,
        });
        let packages = self.pool.values().flat_map(|slot| slot.packages.iter());
        let packages = packages.map(|(_, at)| at + keep.packages);
        let staged = self.staged.values().map(|at| at + DAY);
        let due = entries.chain(packages).chain(staged).min()?;
        Some(due / DAY)
    }
}
