//! A TCP proxy between people and the relay, with a road for each person, that cuts, swallows,
//! slows and corrupts. It knows nothing of what it carries.

mod connection;
mod road;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::plan::Trouble;
use road::Road;

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Connections that came.
    pub connections: u64,
    /// Of those, the ones that stand.
    pub standing: u64,
    /// Connections of which bytes were changed on the way.
    pub corrupted: u64,
    /// Of the corrupted, those that still stand: nobody has noticed.
    pub unnoticed: u64,
    /// Bytes that were swallowed.
    pub swallowed: u64,
}

/// Roads to one place, each with a port of its own on this machine.
#[derive(Debug)]
pub struct Proxy {
    roads: Vec<Road>,
    // Its tasks end with it.
    _runtime: Runtime,
}

impl Proxy {
    /// So many roads to `target`.
    ///
    /// # Errors
    /// The system gives no thread or port.
    pub fn start(target: SocketAddr, roads: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let roads = (0..roads).map(|_| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
            let road = Road::to(target, listener.local_addr()?);
            runtime.spawn(road.clone().serve(listener));
            Ok(road)
        });
        let roads = roads.collect::<io::Result<_>>()?;
        Ok(Self {
            roads,
            _runtime: runtime,
        })
    }

    /// Where a road begins.
    #[must_use]
    pub fn port(&self, road: usize) -> u16 {
        self.roads.get(road).map_or(0, |road| road.begin().port())
    }

    /// Something begins to go wrong on a road. `number` chooses the connection, where it is about
    /// one; if none stands, the next one that comes is hit. Says what was done.
    pub fn begin(&self, road: usize, trouble: Trouble, number: u64) -> String {
        match (self.roads.get(road), trouble) {
            (Some(road), Trouble::Slow(rate)) => {
                road.slow_down(Some(rate));
                format!("the road is slow: {rate} bytes a second")
            }
            (Some(road), Trouble::Closed) => {
                road.close();
                "the road is closed".to_owned()
            }
            (Some(road), _) => road.spoil_one(trouble, number),
            (None, _) => "there is no such road".to_owned(),
        }
    }

    /// What lasts on a road ends. False: it is about a connection, and that stays spoilt until
    /// somebody notices.
    pub fn end(&self, road: usize, trouble: Trouble) -> bool {
        match (self.roads.get(road), trouble) {
            (Some(road), Trouble::Slow(_)) => road.slow_down(None),
            (Some(road), Trouble::Closed) => road.open(),
            _ => return false,
        }
        true
    }

    /// Every road is open and quick, and who comes next is let alone.
    pub fn mend(&self) {
        for road in &self.roads {
            road.spare_the_next();
            road.slow_down(None);
            road.open();
        }
    }

    /// What was done on all roads.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.roads.iter().fold(Damage::default(), |all, road| {
            let one = road.damage();
            Damage {
                connections: all.connections + one.connections,
                standing: all.standing + one.standing,
                corrupted: all.corrupted + one.corrupted,
                unnoticed: all.unnoticed + one.unnoticed,
                swallowed: all.swallowed + one.swallowed,
            }
        })
    }
}
