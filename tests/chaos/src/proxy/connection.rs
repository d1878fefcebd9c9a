//! One connection through the proxy, and what is done to it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::road::State;
use crate::plan::{Trouble, Way};

/// Most bytes that are carried at once.
const LOAD: usize = 16 * 1024;
/// On a slow road: how often a load leaves.
const BEATS_A_SECOND: u32 = 8;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    number: u64,
    cut: CancellationToken,
    reset: AtomicBool,
    spoilt: AtomicBool,
    to_relay: Lane,
    from_relay: Lane,
}

/// What is done to what goes one way.
#[derive(Debug, Default)]
struct Lane {
    swallow: AtomicBool,
    swallowed: AtomicU64,
    carried: AtomicU64,
    /// Where in the next load to change bytes.
    corrupt: Mutex<Option<u64>>,
    corrupted: AtomicBool,
}

/// How one way ended.
enum End {
    /// The other side hears of it.
    Known,
    /// It happened while everything was swallowed.
    Swallowed,
}

impl Connection {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            cut: CancellationToken::new(),
            reset: AtomicBool::new(false),
            spoilt: AtomicBool::new(false),
            to_relay: Lane::default(),
            from_relay: Lane::default(),
        }
    }

    /// Counts the connections of its road.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What goes wrong with one connection. Says what was done.
    pub(super) fn spoil(&self, trouble: Trouble, number: u64) -> String {
        let which = self.number;
        self.spoilt.store(true, Ordering::Relaxed);
        match trouble {
            Trouble::Cut { abruptly } => {
                self.cut(abruptly);
                let how = if abruptly { " by a reset" } else { "" };
                format!("connection {which} is cut{how}")
            }
            Trouble::HalfOpen {
                to_relay,
                from_relay,
            } => {
                let ways = [(to_relay, Way::ToRelay), (from_relay, Way::FromRelay)];
                let ways = ways.into_iter().filter(|(on, _)| *on);
                let ways: Vec<String> = ways
                    .map(|(_, way)| {
                        self.lane(way).swallow.store(true, Ordering::Relaxed);
                        way.to_string()
                    })
                    .collect();
                let ways = ways.join(" and ");
                format!("connection {which} swallows what goes {ways}")
            }
            Trouble::Corrupt(way) => {
                let corrupt = self.lane(way).corrupt.lock();
                *corrupt.unwrap_or_else(PoisonError::into_inner) = Some(number);
                format!("connection {which} changes what goes {way}")
            }
            // Of the road, not of a connection.
            Trouble::Slow(_) | Trouble::Closed => String::new(),
        }
    }

    pub(super) fn cut(&self, abruptly: bool) {
        self.reset.store(abruptly, Ordering::Relaxed);
        self.cut.cancel();
    }

    pub(super) fn is_spoilt(&self) -> bool {
        self.spoilt.load(Ordering::Relaxed)
    }

    /// Bytes that came to it, from either side.
    pub(super) fn carried(&self) -> u64 {
        let lanes = [&self.to_relay, &self.from_relay];
        let carried = lanes.map(|lane| lane.carried.load(Ordering::Relaxed));
        carried.iter().sum()
    }

    pub(super) fn was_corrupted(&self) -> bool {
        let lanes = [&self.to_relay, &self.from_relay];
        lanes
            .iter()
            .any(|lane| lane.corrupted.load(Ordering::Relaxed))
    }

    pub(super) fn swallowed(&self) -> u64 {
        let lanes = [&self.to_relay, &self.from_relay];
        lanes
            .iter()
            .map(|lane| lane.swallowed.load(Ordering::Relaxed))
            .sum()
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::ToRelay => &self.to_relay,
            Way::FromRelay => &self.from_relay,
        }
    }

    /// Carries both ways until it ends.
    pub(super) async fn carry(
        &self,
        mut near: TcpStream,
        mut far: TcpStream,
        road: watch::Receiver<State>,
    ) {
        // What comes goes on at once; the programs do the same.
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        tokio::select! {
            () = self.cut.cancelled() => {}
            () = self.both(&mut near, &mut far, road) => {}
        }
        if self.reset.load(Ordering::Relaxed) {
            let _ = (near.set_zero_linger(), far.set_zero_linger());
        }
    }

    async fn both(&self, near: &mut TcpStream, far: &mut TcpStream, road: watch::Receiver<State>) {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let up = self.to_relay.carry(near_read, far_write, road.clone());
        let down = self.from_relay.carry(far_read, near_write, road);
        tokio::pin!(up, down);
        let end = tokio::select! {
            end = &mut up => (end, false),
            end = &mut down => (end, true),
        };
        // An end that is swallowed leaves the other side waiting, which is what half-open means.
        match end {
            (End::Known, _) => {}
            (End::Swallowed, true) => {
                up.await;
            }
            (End::Swallowed, false) => {
                down.await;
            }
        }
    }
}

impl Lane {
    async fn carry(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        mut road: watch::Receiver<State>,
    ) -> End {
        let mut buffer = vec![0; LOAD];
        loop {
            let rate = road.borrow().rate;
            let room = rate.map_or(LOAD, |rate| LOAD.min((rate / BEATS_A_SECOND) as usize));
            let room = buffer.get_mut(..room.max(1)).unwrap_or_default();
            let read = from.read(room).await.unwrap_or_default();
            let swallowing = self.swallow.load(Ordering::Relaxed);
            let load = match room.get_mut(..read) {
                Some([]) | None if swallowing => return End::Swallowed,
                Some([]) | None => return End::Known,
                Some(load) => load,
            };
            self.carried.fetch_add(read as u64, Ordering::Relaxed);
            if swallowing {
                self.swallowed.fetch_add(read as u64, Ordering::Relaxed);
                continue;
            }
            let corrupted = self.spoil(load);
            if to.write_all(load).await.is_err() {
                return End::Known;
            }
            self.corrupted.fetch_or(corrupted, Ordering::Relaxed);
            if let Some(rate) = rate {
                let long = Duration::from_secs_f64(read as f64 / f64::from(rate.max(1)));
                // Over sooner if the road gets better.
                let better = road.wait_for(|state| state.rate != Some(rate));
                let _ = tokio::time::timeout(long, better).await;
            }
        }
    }

    /// Changes two neighbouring bytes, if it is to. One alone could be the second byte of a TLS
    /// record's version, which says nothing and has to be passed over (RFC 8446, section 5.1).
    fn spoil(&self, load: &mut [u8]) -> bool {
        if load.len() < 2 {
            return false;
        }
        let mut corrupt = self.corrupt.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = corrupt.take() else {
            return false;
        };
        let at = usize::try_from(place % (load.len() as u64 - 1)).unwrap_or_default();
        for byte in load.iter_mut().skip(at).take(2) {
            *byte = !*byte;
        }
        true
    }
}
