//! A TCP proxy between people and the relay, with a road for each person, that cuts, swallows,
//! slows and corrupts. It knows nothing of what it carries.

mod connection;
mod road;

use std::io;
use std::net::SocketAddr;

use sotto_tests::Chance;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::plan::{Trouble, Way};
use road::Road;

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Connections that came.
    pub connections: u64,
    /// Connections of which bytes were changed on the way.
    pub corrupted: u64,
    /// Of those, the ones that still stand: nobody has noticed.
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
    /// one. Says what was done.
    pub fn begin(&self, road: usize, trouble: Trouble, number: u64) -> String {
        let Some(road) = self.roads.get(road) else {
            return "there is no such road".to_owned();
        };
        match trouble {
            Trouble::Slow(rate) => {
                road.slow_down(Some(rate));
                return format!("the road is slow: {rate} bytes a second");
            }
            Trouble::Closed => {
                road.close();
                return "the road is closed".to_owned();
            }
            _ => {}
        }
        let standing = road.standing();
        let mut chance = Chance::new(number);
        let place = usize::try_from(chance.below(standing.len() as u64)).unwrap_or_default();
        let Some(connection) = standing.get(place) else {
            return "nothing stands on the road that could go wrong".to_owned();
        };
        let which = connection.number();
        match trouble {
            Trouble::Cut { abruptly } => {
                connection.cut(abruptly);
                let how = if abruptly { " by a reset" } else { "" };
                format!("connection {which} is cut{how}")
            }
            Trouble::HalfOpen {
                to_relay,
                from_relay,
            } => {
                let ways = [(to_relay, Way::ToRelay), (from_relay, Way::FromRelay)];
                let ways: Vec<Way> = ways.iter().filter(|(on, _)| *on).map(|w| w.1).collect();
                for way in &ways {
                    connection.swallow(*way);
                }
                let ways: Vec<String> = ways.iter().map(Way::to_string).collect();
                format!(
                    "connection {which} swallows what goes {}",
                    ways.join(" and ")
                )
            }
            Trouble::Corrupt(way) => {
                connection.corrupt(way, chance.any());
                format!("connection {which} changes what goes {way}")
            }
            Trouble::Slow(_) | Trouble::Closed => String::new(),
        }
    }

    /// What lasts on a road ends. A connection that was spoilt stays so: somebody has to notice.
    pub fn end(&self, road: usize, trouble: Trouble) {
        match (self.roads.get(road), trouble) {
            (Some(road), Trouble::Slow(_)) => road.slow_down(None),
            (Some(road), Trouble::Closed) => road.open(),
            _ => {}
        }
    }

    /// Every road is open and quick.
    pub fn mend(&self) {
        for road in &self.roads {
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
                corrupted: all.corrupted + one.corrupted,
                unnoticed: all.unnoticed + one.unnoticed,
                swallowed: all.swallowed + one.swallowed,
            }
        })
    }
}
