//! What may change while the relay runs: limits, origins, the token, the certificate. Whoever is
//! connected stays connected, under what was agreed in the hello; the next one meets the new rules.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;

use crate::addresses::{Addresses, Place};
use crate::config::{Config, ConnectionLimits};
use crate::transport::Acceptor;

/// The rules of this moment.
pub(crate) struct Rules {
    pub(crate) limits: ConnectionLimits,
    pub(crate) allow_origins: Vec<String>,
    /// SHA-256 of the access token.
    pub(crate) token: Option<[u8; 32]>,
    pub(crate) log_peers: bool,
}

impl Rules {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            limits: config.limits,
            allow_origins: config.allow_origins.clone(),
            token: config
                .token
                .as_ref()
                .map(|token| sotto_suite::hash::sha256(&[token.as_bytes()])),
            log_peers: config.log_peers,
        }
    }
}

/// Where every connection looks the rules up.
pub(crate) struct Live {
    rules: RwLock<Arc<Rules>>,
    acceptor: RwLock<Acceptor>,
    /// Places for connections.
    pub(crate) places: Arc<Semaphore>,
    /// Who is connected from where.
    pub(crate) addresses: Arc<Addresses>,
}

impl Live {
    pub(crate) fn new(rules: Rules, acceptor: Acceptor) -> Self {
        Self {
            places: Arc::new(Semaphore::new(rules.limits.connections)),
            addresses: Arc::new(Addresses::new()),
            rules: RwLock::new(Arc::new(rules)),
            acceptor: RwLock::new(acceptor),
        }
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place for a connection from there; `None`: there are enough, and nobody waits for one.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.addresses.admit(peer, &self.rules().limits, permit)
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        let acceptor = self.acceptor.read();
        acceptor.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_acceptor(&self, acceptor: Acceptor) {
        *self
            .acceptor
            .write()
            .unwrap_or_else(PoisonError::into_inner) = acceptor;
    }

    /// New rules from now on. With fewer places than are taken nobody is cut off; the next is let
    /// in when enough have gone.
    pub(crate) fn set_rules(&self, rules: Rules) {
        let new = rules.limits.connections;
        let old = {
            let mut now = self.rules.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *now, Arc::new(rules))
                .limits
                .connections
        };
        if new >= old {
            self.places.add_permits(new - old);
            return;
        }
        let free = self.places.forget_permits(old - new);
        let still = u32::try_from(old - new - free).unwrap_or(u32::MAX);
        if still > 0 {
            let places = Arc::clone(&self.places);
            tokio::spawn(async move {
                if let Ok(taken) = places.acquire_many_owned(still).await {
                    taken.forget();
                }
            });
        }
    }
}
