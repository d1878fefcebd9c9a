//! Ports for servers that want theirs said beforehand, and again at their next start.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below those that systems give to connections and to whoever asks for any port (from 32768 on
/// Linux, 49152 elsewhere): nobody gets one of these by chance, not even while its server is down.
const FIRST: u16 = 20_000;
const PAIRS: u16 = 6_000;

/// The odd neighbours of the ports given out. As long as this process holds one, no other that
/// asks here gets the port beside it.
static HELD: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// A port on loopback that is this process's until it ends.
pub(crate) fn free_port() -> u16 {
    let begin = u16::try_from(std::process::id() % u32::from(PAIRS)).unwrap_or_default();
    let pairs = (begin..PAIRS).chain(0..begin);
    let mut ports = pairs.map(|pair| FIRST + 2 * pair);
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let free = |port: &u16| {
        let (Ok(neighbour), Ok(_)) = (bind(port + 1), bind(*port)) else {
            return false;
        };
        HELD.lock().unwrap().push(neighbour);
        true
    };
    ports.find(free).expect("a free port")
}
