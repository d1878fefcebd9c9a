//! A road: a port, and the connections that came to it.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sotto_tests::Chance;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Damage;
use super::connection::Connection;
use crate::plan::Trouble;

/// As a machine that has no more sockets for the moment.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections of a road a fault may hit.
const BUSIEST: usize = 2;

/// A road; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Road(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    begin: SocketAddr,
    target: SocketAddr,
    state: watch::Sender<State>,
    came: AtomicU64,
    connections: Mutex<Vec<Arc<Connection>>>,
    gone: Mutex<Damage>,
    /// What happens to those who come next, with its number.
    next: Mutex<Vec<(Trouble, u64)>>,
}

/// How it is to travel on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    closed: bool,
    /// Bytes a second.
    pub(super) rate: Option<u32>,
}

impl Road {
    pub(super) fn to(target: SocketAddr, begin: SocketAddr) -> Self {
        Self(Arc::new(Inside {
            begin,
            target,
            state: watch::Sender::new(State::default()),
            came: AtomicU64::new(0),
            connections: Mutex::default(),
            gone: Mutex::default(),
            next: Mutex::default(),
        }))
    }

    pub(super) fn begin(&self) -> SocketAddr {
        self.0.begin
    }

    pub(super) fn slow_down(&self, rate: Option<u32>) {
        self.0.state.send_modify(|state| state.rate = rate);
    }

    /// Cuts what stands on it, and takes nobody on.
    pub(super) fn close(&self) {
        self.0.state.send_modify(|state| state.closed = true);
        for connection in self.standing() {
            connection.cut(true);
        }
    }

    pub(super) fn open(&self) {
        self.0.state.send_modify(|state| state.closed = false);
    }

    /// One connection is spoilt: one of the two busiest, for the others hardly carry anything.
    pub(super) fn spoil_one(&self, trouble: Trouble, number: u64) -> String {
        let mut standing = self.standing();
        // One that hears nothing any more can hardly get worse.
        standing.retain(|connection| !connection.is_spoilt());
        standing.sort_by_key(|connection| Reverse(connection.carried()));
        let mut chance = Chance::new(number);
        let among = standing.len().min(BUSIEST) as u64;
        let place = usize::try_from(chance.below(among)).unwrap_or_default();
        if let Some(connection) = standing.get(place) {
            return connection.spoil(trouble, number);
        }
        self.next().push((trouble, number));
        "nothing sound stands on the road: the next connection has it".to_owned()
    }

    pub(super) fn spare_the_next(&self) {
        self.next().clear();
    }

    fn next(&self) -> MutexGuard<'_, Vec<(Trouble, u64)>> {
        let next = self.0.next.lock();
        next.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn standing(&self) -> Vec<Arc<Connection>> {
        self.connections().clone()
    }

    pub(super) fn damage(&self) -> Damage {
        let gone = *self.0.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = Damage {
            connections: self.0.came.load(Ordering::Relaxed),
            ..gone
        };
        self.connections().iter().fold(gone, |all, one| Damage {
            standing: all.standing + 1,
            corrupted: all.corrupted + u64::from(one.was_corrupted()),
            unnoticed: all.unnoticed + u64::from(one.was_corrupted()),
            swallowed: all.swallowed + one.swallowed(),
            ..all
        })
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        let connections = self.0.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on whoever comes, for ever.
    pub(super) async fn serve(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((near, _)) if !self.0.state.borrow().closed => {
                    tokio::spawn(self.clone().travel(near));
                }
                Ok((near, _)) => {
                    // A reset, as from a machine where nobody listens.
                    let _ = near.set_zero_linger();
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn travel(self, near: TcpStream) {
        // A relay that is not there looks to people as if the proxy were not.
        let Ok(far) = TcpStream::connect(self.0.target).await else {
            let _ = near.set_zero_linger();
            return;
        };
        let number = self.0.came.fetch_add(1, Ordering::Relaxed) + 1;
        let connection = Arc::new(Connection::new(number));
        self.connections().push(Arc::clone(&connection));
        if let Some((trouble, number)) = self.next().pop() {
            connection.spoil(trouble, number);
        }
        connection.carry(near, far, self.0.state.subscribe()).await;
        self.connections().retain(|one| one.number() != number);
        let mut gone = self.0.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.corrupted += u64::from(connection.was_corrupted());
        gone.swallowed += connection.swallowed();
    }
}
