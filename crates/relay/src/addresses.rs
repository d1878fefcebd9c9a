//! Who is connected from where, as far as limits need it: in memory alone, and forgotten.
//!
//! An address is kept as a hash under a key that this process made for itself at its start, so that
//! even a copy of its memory is no list of addresses without that key. It is forgotten when nothing
//! is connected from there and what it has used up has come back, which takes an hour.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sotto_suite::hash::sha256;
use sotto_suite::{RandomExt as _, Secret, SystemRandom};
use tokio::sync::OwnedSemaphorePermit;

use crate::config::{AddressLimits, ConnectionLimits};
use crate::pace::Pace;
use crate::spending::{Cost, Spending, Wait};

/// Addresses that are remembered although nothing is connected from there. Beyond that all of those
/// are forgotten, with what they had used up.
const REMEMBERED: usize = 65_536;

type Name = [u8; 16];

/// All of them.
pub(crate) struct Addresses {
    key: Secret<32>,
    seen: Mutex<HashMap<Name, Arc<Address>>>,
    half_open: AtomicUsize,
}

/// One IPv4 address, or one IPv6 network of 64 bits.
pub(crate) struct Address {
    limits: AddressLimits,
    connections: AtomicUsize,
    half_open: AtomicUsize,
    transfers: AtomicUsize,
    spent: Mutex<Spent>,
}

struct Spent {
    spending: Spending,
    fetched: Pace,
}

/// One connection's place among the others; given back when its last holder is gone.
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    /// None: not counted by address.
    address: Option<Arc<Address>>,
    half_open: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Addresses {
    pub(crate) fn new() -> Self {
        Self {
            key: SystemRandom::new().secret(),
            seen: Mutex::default(),
            half_open: AtomicUsize::new(0),
        }
    }

    /// A place for a connection from there, half open for now. `None`: there are enough.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: IpAddr,
        limits: &ConnectionLimits,
        permit: OwnedSemaphorePermit,
    ) -> Option<Place> {
        let bounds = &limits.addresses;
        let counted = bounds.counted && (bounds.loopback || !peer.to_canonical().is_loopback());
        // Under this lock nobody else is let in; leaving needs none.
        let mut seen = lock(&self.seen);
        if self.half_open.load(Ordering::Relaxed) >= limits.half_open {
            return None;
        }
        let address = counted.then(|| {
            let address = seen.entry(self.name(peer));
            Arc::clone(address.or_insert_with(|| Arc::new(Address::new(bounds))))
        });
        if let Some(address) = &address {
            if address.connections.load(Ordering::Relaxed) >= bounds.connections
                || address.half_open.load(Ordering::Relaxed) >= bounds.half_open
            {
                return None;
            }
            address.connections.fetch_add(1, Ordering::Relaxed);
            address.half_open.fetch_add(1, Ordering::Relaxed);
        }
        self.half_open.fetch_add(1, Ordering::Relaxed);
        if seen.len() > REMEMBERED + limits.connections {
            seen.retain(|_, address| address.connections.load(Ordering::Relaxed) > 0);
        }
        Some(Place {
            addresses: Arc::clone(self),
            address,
            half_open: AtomicBool::new(true),
            _permit: permit,
        })
    }

    /// Forgets who is gone and owes nothing.
    pub(crate) fn forget(&self, now: Instant) {
        lock(&self.seen).retain(|_, address| !address.is_over(now));
    }

    fn name(&self, peer: IpAddr) -> Name {
        let key = self.key.expose();
        let hash = match peer.to_canonical() {
            IpAddr::V4(address) => sha256(&[key, b"4", &address.octets()]),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64;
                sha256(&[key, b"6", &network.to_be_bytes()])
            }
        };
        let mut name = Name::default();
        for (to, from) in name.iter_mut().zip(hash) {
            *to = from;
        }
        name
    }
}

impl Address {
    fn new(limits: &AddressLimits) -> Self {
        let now = Instant::now();
        Self {
            limits: *limits,
            connections: AtomicUsize::new(0),
            half_open: AtomicUsize::new(0),
            transfers: AtomicUsize::new(0),
            spent: Mutex::new(Spent {
                spending: Spending::new(&limits.rates, now),
                fetched: Pace::an_hour(limits.fetch_bytes_per_hour as f64, now),
            }),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        let mut spent = lock(&self.spent);
        self.connections.load(Ordering::Relaxed) == 0
            && spent.fetched.rested(now)
            && spent.spending.rested(now)
    }

    /// Pays from what the connection and the address both have, or says which of them can't.
    pub(crate) fn pay(&self, own: &mut Spending, cost: &Cost, now: Instant) -> Result<(), Wait> {
        let mut spent = lock(&self.spent);
        if let Some(wait) = own.wait(cost, now).or(spent.spending.wait(cost, now)) {
            return Err(wait);
        }
        own.take(cost);
        spent.spending.take(cost);
        Ok(())
    }

    pub(crate) fn give_back(&self, blob_bytes: u64) {
        lock(&self.spent).spending.give_back(blob_bytes);
    }

    /// Pays for one request over HTTP.
    pub(crate) fn pay_request(&self, now: Instant) -> Result<(), Duration> {
        let cost = Cost {
            requests: 1,
            ..Cost::default()
        };
        let spending = &mut lock(&self.spent).spending;
        match spending.wait(&cost, now) {
            None => {
                spending.take(&cost);
                Ok(())
            }
            Some(Wait::Pace(wait) | Wait::Quota(wait)) => Err(wait),
        }
    }

    /// Pays for bytes of a blob that are about to be sent.
    pub(crate) fn pay_fetch(&self, bytes: u64, now: Instant) -> Result<(), Duration> {
        let fetched = &mut lock(&self.spent).fetched;
        match fetched.wait(bytes as f64, now) {
            None => {
                fetched.take(bytes as f64);
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    /// One more transfer of a blob, if there may be.
    pub(crate) fn transfer(self: &Arc<Self>) -> Option<Transfer> {
        let most = self.limits.transfers;
        let more = |now| (now < most).then_some(now + 1);
        self.transfers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        Some(Transfer(Arc::clone(self)))
    }
}

/// A transfer of a blob, until it is dropped.
pub(crate) struct Transfer(Arc<Address>);

impl Drop for Transfer {
    fn drop(&mut self) {
        self.0.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// The other side has shown what it wants: no longer half open.
    pub(crate) fn settle(&self) {
        if self.half_open.swap(false, Ordering::Relaxed) {
            self.addresses.half_open.fetch_sub(1, Ordering::Relaxed);
            if let Some(address) = &self.address {
                address.half_open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn address(&self) -> Option<&Arc<Address>> {
        self.address.as_ref()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle();
        if let Some(address) = &self.address {
            address.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A panic while a lock was held ends that task alone; what the lock guards is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    fn place(addresses: &Arc<Addresses>, peer: &str, limits: &ConnectionLimits) -> Option<Place> {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        addresses.admit(peer.parse().unwrap(), limits, permit)
    }

    fn limits() -> ConnectionLimits {
        let mut limits = ConnectionLimits::default();
        limits.addresses.connections = 1;
        limits
    }

    #[test]
    fn an_address_is_32_bits_of_ipv4_or_64_of_ipv6() {
        let addresses = Arc::new(Addresses::new());
        for (first, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1:2:3", "2001:db8:0:1::1"),
        ] {
            let held = place(&addresses, first, &limits()).unwrap();
            assert!(place(&addresses, same, &limits()).is_none());
            assert!(place(&addresses, other, &limits()).is_some());
            drop(held);
            assert!(place(&addresses, same, &limits()).is_some());
        }
    }

    #[test]
    fn behind_a_proxy_and_from_this_machine_nobody_is_counted() {
        let addresses = Arc::new(Addresses::new());
        let local: Vec<_> = (0..3)
            .map(|_| place(&addresses, "127.0.0.1", &limits()).unwrap())
            .collect();
        assert!(local.iter().all(|place| place.address().is_none()));
        let mut behind = limits();
        behind.addresses.counted = false;
        let _one = place(&addresses, "192.0.2.1", &behind).unwrap();
        let _two = place(&addresses, "192.0.2.1", &behind).unwrap();
        assert_eq!(lock(&addresses.seen).len(), 0);
    }

    #[test]
    fn who_is_gone_and_owes_nothing_is_forgotten() {
        let addresses = Arc::new(Addresses::new());
        let held = place(&addresses, "192.0.2.1", &limits()).unwrap();
        let now = Instant::now();
        let address = Arc::clone(held.address().unwrap());
        address.pay_fetch(1 << 30, now).unwrap();
        let later = now + Duration::from_secs(3601);
        addresses.forget(later);
        assert_eq!(lock(&addresses.seen).len(), 1, "connected");
        drop(held);
        addresses.forget(now);
        assert_eq!(lock(&addresses.seen).len(), 1, "owes");
        addresses.forget(later);
        assert_eq!(lock(&addresses.seen).len(), 0);
    }

    #[test]
    fn half_open_connections_are_counted_until_they_settle() {
        let addresses = Arc::new(Addresses::new());
        let mut limits = ConnectionLimits::default();
        limits.addresses.half_open = 1;
        let first = place(&addresses, "192.0.2.1", &limits).unwrap();
        assert!(place(&addresses, "192.0.2.1", &limits).is_none());
        // Settled once, however often it is said.
        first.settle();
        first.settle();
        let second = place(&addresses, "192.0.2.1", &limits).unwrap();
        assert!(place(&addresses, "192.0.2.1", &limits).is_none());
        // All addresses together.
        limits.half_open = 1;
        assert!(place(&addresses, "192.0.2.2", &limits).is_none());
        drop(second);
        assert!(place(&addresses, "192.0.2.2", &limits).is_some());
    }

    #[test]
    fn beyond_what_is_remembered_only_who_is_connected_stays() {
        let addresses = Arc::new(Addresses::new());
        let mut limits = limits();
        limits.connections = 4;
        let peer = |n: usize| std::net::Ipv4Addr::from(0x0a00_0000 + n as u32).to_string();
        let held = place(&addresses, &peer(0), &limits).unwrap();
        let most = REMEMBERED + limits.connections;
        for n in 1..most {
            drop(place(&addresses, &peer(n), &limits).unwrap());
        }
        assert_eq!(lock(&addresses.seen).len(), most);
        let _another = place(&addresses, &peer(most), &limits).unwrap();
        assert_eq!(lock(&addresses.seen).len(), 2);
        drop(held);
    }

    #[test]
    fn a_connection_and_its_address_both_pay() {
        let addresses = Arc::new(Addresses::new());
        let mut limits = ConnectionLimits::default();
        limits.addresses.rates.channels_per_hour = 3;
        limits.addresses.rates.blob_bytes_per_hour = 100;
        limits.rates.channels_per_hour = 2;
        let held = place(&addresses, "192.0.2.1", &limits).unwrap();
        let address = held.address().unwrap();
        let now = Instant::now();
        let channel = Cost {
            channels: 1,
            ..Cost::default()
        };
        let mut paid = Vec::new();
        for _ in 0..3 {
            let mut own = Spending::new(&limits.rates, now);
            let times = (0..10).take_while(|_| address.pay(&mut own, &channel, now).is_ok());
            paid.push(times.count());
        }
        assert_eq!(paid, [2, 1, 0]);
        let blob = Cost {
            blob_bytes: 100,
            ..Cost::default()
        };
        let mut own = Spending::new(&limits.rates, now);
        assert!(address.pay(&mut own, &blob, now).is_ok());
        assert!(address.pay(&mut own, &blob, now).is_err());
        address.give_back(100);
        assert!(address.pay(&mut own, &blob, now).is_ok());
    }

    #[test]
    fn requests_and_bytes_over_http_are_paid_by_the_address() {
        let addresses = Arc::new(Addresses::new());
        let mut limits = ConnectionLimits::default();
        limits.addresses.rates.requests_per_second = 3;
        limits.addresses.fetch_bytes_per_hour = 7200;
        let held = place(&addresses, "192.0.2.1", &limits).unwrap();
        let address = held.address().unwrap();
        let now = Instant::now() + Duration::from_secs(1);
        let asked = (0..10).take_while(|_| address.pay_request(now).is_ok());
        assert_eq!(asked.count(), 3);
        assert_eq!(address.pay_fetch(7200, now), Ok(()));
        assert_eq!(address.pay_fetch(2, now), Err(Duration::from_secs(1)));
    }

    #[test]
    fn transfers_of_an_address_are_bounded_until_they_end() {
        let addresses = Arc::new(Addresses::new());
        let mut limits = ConnectionLimits::default();
        limits.addresses.transfers = 2;
        let held = place(&addresses, "192.0.2.1", &limits).unwrap();
        let address = held.address().unwrap();
        let (first, _second) = (address.transfer().unwrap(), address.transfer().unwrap());
        assert!(address.transfer().is_none());
        drop(first);
        assert!(address.transfer().is_some());
    }

    #[test]
    fn two_starts_name_an_address_differently() {
        let peer = "192.0.2.1".parse().unwrap();
        assert_ne!(Addresses::new().name(peer), Addresses::new().name(peer));
    }
}
