//! What may change while the relay runs: limits, origins, the token, the certificate. Whoever is
//! connected stays connected, under what was agreed in the hello; the next one meets the new rules.

use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, Semaphore};

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
    /// Tells whoever holds a free place that there are fewer now.
    pub(crate) fewer: Arc<Notify>,
}

impl Live {
    pub(crate) fn new(rules: Rules, acceptor: Acceptor) -> Self {
        Self {
            places: Arc::new(Semaphore::new(rules.limits.connections)),
            fewer: Arc::default(),
            rules: RwLock::new(Arc::new(rules)),
            acceptor: RwLock::new(acceptor),
        }
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
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
            let (places, fewer) = (Arc::clone(&self.places), Arc::clone(&self.fewer));
            tokio::spawn(async move {
                let mut taking = pin!(places.acquire_many_owned(still));
                // In the queue before the place that waits for the next connection is given back.
                let taken = (&mut taking).now_or_never();
                fewer.notify_waiters();
                let taken = match taken {
                    Some(taken) => taken,
                    None => taking.await,
                };
                if let Ok(taken) = taken {
                    taken.forget();
                }
            });
        }
    }
}
