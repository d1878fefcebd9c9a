//! Connecting.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::Event;
use sotto_suite::{RandomExt as _, SystemRandom};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::count::{self, Count};
use super::login::{Login, credentials};
use super::streams::Streams;
use super::{NatsOptions, NatsStore, Shared};
use crate::feed::Feeds;
use crate::metrics::Metrics;

/// Deletions under way at once.
const ERASING: usize = 64;
/// How long servers may take to answer when the relay starts.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait between tries to connect again.
const RECONNECT: Duration = Duration::from_secs(2);
/// Between looks at whether the servers store anything, and how often they may not.
const PULSE: Duration = Duration::from_secs(2);
const SILENT: u32 = 2;
/// Notices that wait for one channel; what is beyond is looked up.
const NOTICES: usize = 1024;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was given is no address. It is not repeated here, for it may hold a password.
    #[error(
        "the store's address can't be used: {0}; it is nats://host:port, or several with commas between them, and may end with ?replicas=3&shards=8&prefix=sotto&credentials=FILE&authorities=FILE"
    )]
    Address(&'static str),
    /// A file that was named.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No server answers, or none lets us in.
    #[error("no NATS server can be used: {0}")]
    Connect(String),
    /// The servers can't keep the streams: JetStream is not enabled, or there are fewer servers
    /// than replicas.
    #[error(
        "the NATS servers can't keep the store: {0}; it needs JetStream, and as many servers in one cluster as it has replicas"
    )]
    Streams(String),
    /// Something else than this relay's store has that name.
    #[error(
        "the stream {name} is not this relay's store: it says {there:?}, expected was {wanted:?}. All processes of one address share one identity key: copy identity.key from the first one's data folder; or choose another ?prefix="
    )]
    Other {
        /// The stream.
        name: String,
        /// Its description.
        there: String,
        /// What it would say if it were ours.
        wanted: String,
    },
}

impl NatsOptions {
    /// From one line: servers with commas between them, and options behind a question mark.
    ///
    /// # Errors
    /// [`OpenError::Address`].
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let (servers, rest) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, servers) = servers
            .split_once("://")
            .filter(|(scheme, _)| ["nats", "tls"].contains(scheme))
            .ok_or(OpenError::Address("it has to begin with nats:// or tls://"))?;
        let mut options = Self::default();
        for server in servers.split(',') {
            let server = server
                .strip_prefix(&format!("{scheme}://"))
                .unwrap_or(server);
            let (login, server) = match server.rsplit_once('@') {
                Some((login, server)) => (Some(Login::new(login)), server),
                None => (None, server),
            };
            if server.is_empty() {
                return Err(OpenError::Address("a server's name is missing"));
            }
            if login.is_some() && options.login.is_some() && login != options.login {
                return Err(OpenError::Address(
                    "there can be one login for all servers only",
                ));
            }
            options.login = login.or(options.login);
            options.servers.push(format!("{scheme}://{server}"));
        }
        for option in rest.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option
                .split_once('=')
                .ok_or(OpenError::Address("an option has no value"))?;
            let number = |allowed: &[usize]| {
                let number = value.parse().ok().filter(|number| allowed.contains(number));
                number.ok_or(OpenError::Address("a number is not one of those allowed"))
            };
            match name {
                "replicas" => options.replicas = number(&[1, 3, 5])?,
                "shards" => options.shards = number(&[1, 2, 4, 8, 16, 32, 64])?,
                "prefix"
                    if value.chars().all(|c| c.is_ascii_alphanumeric()) && !value.is_empty() =>
                {
                    options.prefix = value.to_owned();
                }
                "prefix" => return Err(OpenError::Address("a prefix has letters and digits only")),
                "credentials" => options.credentials = Some(value.into()),
                "authorities" => options.authorities = Some(value.into()),
                _ => return Err(OpenError::Address("an option is unknown")),
            }
        }
        Ok(options)
    }
}

pub(super) async fn open(
    options: NatsOptions,
    identity: &str,
    metrics: Arc<Metrics>,
) -> Result<NatsStore, OpenError> {
    let mut servers = Vec::new();
    for server in &options.servers {
        let address = server.parse::<async_nats::ServerAddr>();
        servers.push(address.map_err(|_| OpenError::Address("one of the servers is none"))?);
    }
    let (reconnects, connected) = watch::channel(0u64);
    let connect = credentials(&options)?
        .name("sotto-relay")
        .subscription_capacity(NOTICES)
        .ping_interval(Duration::from_secs(5))
        .request_timeout(Some(Duration::from_secs(2)))
        .connection_timeout(Duration::from_secs(3))
        .max_reconnects(None)
        .reconnect_delay_callback(|tries| {
            let tries = u32::try_from(tries).unwrap_or(u32::MAX);
            RECONNECT.min(Duration::from_millis(50).saturating_mul(tries))
        })
        .event_callback(move |event| {
            match &event {
                Event::Connected => reconnects.send_modify(|count| *count += 1),
                Event::SlowConsumer(_) => {}
                event => tracing::warn!(%event, "the connection to the NATS servers"),
            }
            std::future::ready(())
        });
    let opening = async {
        let client = connect.connect(servers).await;
        let client = client.map_err(|error| OpenError::Connect(error.to_string()))?;
        // Servers that have just started have yet to agree on a leader.
        loop {
            match Streams::open(client.clone(), &options, identity).await {
                Err(OpenError::Streams(why)) => {
                    tracing::info!(why, "waiting for the NATS servers");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                opened => return opened,
            }
        }
    };
    let streams = match tokio::time::timeout(PATIENCE, opening).await {
        Ok(opened) => opened?,
        Err(_) => {
            return Err(OpenError::Connect(
                "they do not answer in time, or have no JetStream".to_owned(),
            ));
        }
    };
    let shared = Arc::new(Shared {
        streams,
        options,
        feeds: Feeds::default(),
        metrics,
        relay: SystemRandom::new().bytes(),
        channels: Mutex::new(HashMap::new()),
        loaded: AtomicUsize::new(0),
        erasing: Semaphore::new(ERASING),
        connected,
        looked_at: Mutex::new(None),
        count: Count::default(),
        stop: CancellationToken::new(),
    });
    shared.count.anew(&shared.streams).await;
    tokio::spawn(watch_over(shared.streams.clone(), shared.stop.clone()));
    tokio::spawn(count::watch(Arc::clone(&shared)));
    Ok(NatsStore { shared })
}

/// Goes to another server when this one has lost touch with the others: it still takes messages
/// then, and nothing comes of them.
async fn watch_over(streams: Streams, stop: CancellationToken) {
    let mut silent = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PULSE) => {}
        }
        silent = match streams.pulse().await {
            Ok(()) => 0,
            Err(_) => silent + 1,
        };
        if silent >= SILENT {
            silent = 0;
            tracing::warn!("the NATS server stores nothing; another one is asked");
            let _ = streams.servers.client.force_reconnect().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_servers_and_options() {
        let options = NatsOptions::parse(
            "nats://a:4222,b:4222,nats://c?replicas=1&shards=2&prefix=x&credentials=/etc/nats.secret",
        );
        let options = options.map_err(|error| error.to_string());
        let options = options.unwrap_or_default();
        assert_eq!(
            options.servers,
            ["nats://a:4222", "nats://b:4222", "nats://c"]
        );
        assert_eq!((options.replicas, options.shards), (1, 2));
        assert_eq!(options.prefix, "x");
        assert_eq!(options.credentials, Some("/etc/nats.secret".into()));
    }

    #[test]
    fn a_login_is_one_for_all_and_is_not_printed() {
        let options = NatsOptions::parse("nats://sotto:p@ss@a,sotto:p@ss@b,c?credentials=f");
        let options = options.map_err(|error| error.to_string());
        let options = options.unwrap_or_default();
        assert_eq!(options.servers, ["nats://a", "nats://b", "nats://c"]);
        assert_eq!(options.login, Some(Login::new("sotto:p@ss")));
        assert!(!format!("{options:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for text in [
            "",
            "a:4222",
            "http://a",
            "nats://",
            "nats://a,,b",
            "nats://secret@a?replicas=2",
            "nats://secret@a?shards=0",
            "nats://secret@a?prefix=a.b",
            "nats://secret@a?secret",
            "nats://secret@a?colour=red",
            "nats://secret@",
            "nats://secret@a,secret2@b",
        ] {
            let error = NatsOptions::parse(text)
                .err()
                .map(|error| error.to_string());
            assert!(
                error.is_some_and(|error| !error.contains("secret")),
                "{text}"
            );
        }
    }
}
