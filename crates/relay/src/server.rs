//! From a listener to connections, and back to nothing when told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sotto_suite::sign::SigningKey;
use sotto_wire::{AddressError, RelayAddress, RelayIdentity};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::addresses::Place;
use crate::blobs::files::{BlobOpenError, FileBlobs};
use crate::blobs::nats::NatsBlobs;
use crate::blobs::{BlobOptions, BlobStore};
use crate::certificate::acme::{Challenge, Renewal};
use crate::certificate::{self, CertificateError, Missing};
use crate::clock::{Clock, DeletingClock};
use crate::config::{CertificateSource, Config, ConnectionLimits};
use crate::data::{DataError, DataFolder};
use crate::http::{self, Accepted};
use crate::live::{Live, Rules};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::nats::{self, NatsOptions, NatsStore};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::transport::Acceptor;

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The store in it.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The blobs in it.
    #[error(transparent)]
    Blobs(#[from] BlobOpenError),
    /// The store on NATS servers.
    #[error(transparent)]
    Nats(#[from] nats::OpenError),
    /// The host is not one that can stand in an address.
    #[error("{0}; name the host that clients shall use")]
    Address(#[from] AddressError),
    /// Listening on all addresses says nothing about where clients find this relay.
    #[error("listening on all addresses needs the host name that clients shall use")]
    HostNeeded,
    /// Without TLS, but reachable from elsewhere.
    #[error("a relay without TLS may listen on a loopback address only")]
    PlainRemote,
    /// TLS.
    #[error("the certificate can't be used: {0}")]
    Tls(#[from] rustls::Error),
    /// An operator's own certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The listener.
    #[error("the listener can't be used: {0}")]
    Listener(std::io::Error),
}

impl From<Missing> for StartError {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Data(error) => Self::Data(error),
            Missing::Files(error) => Self::Certificate(error),
            Missing::Tls(error) => Self::Tls(error),
        }
    }
}

/// What all connections share.
pub(crate) struct Shared<S> {
    pub(crate) store: S,
    pub(crate) blobs: Arc<dyn BlobStore>,
    /// What is allowed of them; none: nothing.
    pub(crate) blob_limits: Option<sotto_wire::BlobLimits>,
    /// Places for what is put in or fetched.
    pub(crate) transfers: Arc<Semaphore>,
    pub(crate) identity: SigningKey,
    /// What a reload changes.
    pub(crate) live: Arc<Live>,
    /// What the page for people shows.
    pub(crate) address: RelayAddress,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl<S> Shared<S> {
    /// The bounds of this moment.
    pub(crate) fn limits(&self) -> ConnectionLimits {
        self.live.rules().limits
    }
}

/// A relay that listens but does not serve yet.
pub struct Relay<S = SqliteStore> {
    address: RelayAddress,
    listener: TcpListener,
    shared: Arc<Shared<S>>,
    controls: Controls,
    renewal: Option<Renewal>,
}

impl Relay {
    /// Opens the data folder and gets everything ready.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been served then, and nothing in the folder been overwritten.
    pub fn bind(config: Config, listener: TcpListener) -> Result<Self, StartError> {
        let base = Base::new(&config, &listener)?;
        let file = base.folder.store()?;
        let store = SqliteStore::open(&file, config.store.clone(), Arc::clone(&base.metrics))?;
        let options = blob_options(&config);
        let blobs = Arc::new(FileBlobs::open(&base.folder.blobs(), options)?);
        Self::with(config, listener, base, store, blobs)
    }

    /// [`Self::bind`] and [`Self::run`] in one.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub async fn serve(
        config: Config,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        Self::bind(config, listener)?.run(shutdown).await;
        Ok(())
    }
}

impl Relay<NatsStore> {
    /// The same for one of several processes of an address, over a store that they share. The data
    /// folder holds the identity key, which has to be the same for all of them, and a certificate.
    /// Bounds on what is kept are those of `config`.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been served then.
    pub async fn join(
        config: Config,
        options: NatsOptions,
        listener: TcpListener,
    ) -> Result<Self, StartError> {
        let base = Base::new(&config, &listener)?;
        // As it stands in the address, so that a person can compare.
        let identity = base.address.identity.to_string();
        let bounds = &config.store;
        let options = NatsOptions {
            channels: bounds.channels,
            channel_bytes: bounds.channel_bytes,
            reserve_per_hour: bounds.reserve_per_hour,
            channel_keys: bounds.channel_keys,
            slot_packages: bounds.slot_packages,
            cached_channels: bounds.cached_channels,
            clock: bounds.clock.clone(),
            retention: bounds.retention,
            ..options
        };
        let store = NatsStore::open(options, &identity, Arc::clone(&base.metrics)).await?;
        let mut config = config;
        config.blobs.largest = config.blobs.largest.min(crate::blobs::nats::LARGEST);
        let blobs = Arc::new(NatsBlobs::open(&store, blob_options(&config)).await?);
        Self::with(config, listener, base, store, blobs)
    }
}

/// What there is before the store is opened.
struct Base {
    folder: DataFolder,
    identity: SigningKey,
    address: RelayAddress,
    metrics: Arc<Metrics>,
}

impl Base {
    fn new(config: &Config, listener: &TcpListener) -> Result<Self, StartError> {
        let local = listener.local_addr().map_err(StartError::Listener)?;
        if config.plain && !local.ip().is_loopback() {
            return Err(StartError::PlainRemote);
        }
        let host = public_host(config.host.as_deref(), local)?;
        let folder = DataFolder::open(&config.data)?;
        let identity = folder.identity()?;
        let address = RelayAddress::new(
            &host,
            config.port.unwrap_or(local.port()),
            RelayIdentity::of(&identity.public()),
            config.plain,
        )?;
        Ok(Self {
            folder,
            identity,
            address,
            metrics: Arc::default(),
        })
    }
}

impl<S: Store> Relay<S> {
    fn with(
        config: Config,
        listener: TcpListener,
        base: Base,
        store: S,
        blobs: Arc<dyn BlobStore>,
    ) -> Result<Self, StartError> {
        let Base {
            folder,
            identity,
            address,
            metrics,
        } = base;
        let clock = config.store.clock.clone();
        let rules = Rules::of(&config);
        let folder = Arc::new(folder);
        let challenge = Arc::new(Challenge::default());
        let blob_limits = config.blobs.limits();
        let acceptor = if config.plain {
            Acceptor::Plain
        } else {
            let source = &config.certificate;
            let certified =
                certificate::to_start_with(source, &folder, &address.host, clock.now())?;
            note_end(&metrics, &certified);
            let asked = matches!(source, CertificateSource::Acme(_));
            Acceptor::tls(certified, asked.then(|| Arc::clone(&challenge)))?
        };
        let live = Arc::new(Live::new(rules, acceptor));
        let renewal = match &config.certificate {
            CertificateSource::Acme(options) if !config.plain => Some(Renewal {
                options: options.clone(),
                folder: Arc::clone(&folder),
                host: address.host.clone(),
                clock: clock.clone(),
                live: Arc::clone(&live),
                challenge,
                metrics: Arc::clone(&metrics),
            }),
            _ => None,
        };
        let shared = Arc::new(Shared {
            store,
            blobs,
            blob_limits,
            transfers: Arc::new(Semaphore::new(config.limits.transfers)),
            identity,
            live: Arc::clone(&live),
            address: address.clone(),
            metrics,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let controls = Controls {
            live,
            folder,
            host: address.host.clone(),
            plain: config.plain,
            clock,
            metrics: Arc::clone(&shared.metrics),
        };
        Ok(Self {
            address,
            listener,
            shared,
            controls,
            renewal,
        })
    }

    /// Where clients find this relay.
    pub fn address(&self) -> &RelayAddress {
        &self.address
    }

    /// The relay's counters.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// What changes a running relay.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// Serves until `shutdown` is done; then answers what the store has committed, tells every
    /// client that the relay is stopping, and waits for the connections to end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        self.run_with(None, shutdown).await;
    }

    /// [`Self::run`], with a second listener that answers `/health`, `/ready` and `/metrics`, without
    /// TLS, to whoever can reach it.
    pub async fn run_with(self, aside: Option<TcpListener>, shutdown: impl Future<Output = ()>) {
        let Self {
            listener,
            shared,
            controls,
            renewal,
            ..
        } = self;
        let mut shutdown = pin!(shutdown);
        let expiring = shared
            .tasks
            .spawn(expire(Arc::clone(&shared), controls.clock.clone()));
        if let Some(renewal) = renewal {
            shared.tasks.spawn(renewal.run(shared.stopping.clone()));
        }
        if let Some(aside) = aside {
            shared
                .tasks
                .spawn(crate::aside::serve(Arc::clone(&shared), aside));
        }
        let data = controls.folder.path().to_path_buf();
        shared
            .tasks
            .spawn(crate::stock::watch(Arc::clone(&shared), data));
        shared.tasks.spawn(forget(Arc::clone(&shared)));
        let app = http::router(Arc::clone(&shared));
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = next(&listener, &shared.live, &shared.metrics) => accepted,
            };
            let (stream, place) = accepted;
            let (shared, app) = (Arc::clone(&shared), app.clone());
            let acceptor = shared.live.acceptor();
            Metrics::count(&shared.metrics.accepted);
            let tasks = shared.tasks.clone();
            tasks.spawn(serve_http(shared, acceptor, app, stream, Arc::new(place)));
        }
        drop(listener);
        shared.stopping.cancel();
        shared.tasks.close();
        if tokio::time::timeout(shared.limits().stop, shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time");
        }
        expiring.abort();
        // Answered when cursors are written and the disk is wiped.
        let _ = shared.store.settle().await;
    }
}

/// Bounds on blobs, whose clock is the store's.
fn blob_options(config: &Config) -> BlobOptions {
    BlobOptions {
        clock: config.store.clock.clone(),
        ..config.blobs.clone()
    }
}

/// For whoever watches that a certificate does not run out.
pub(crate) fn note_end(metrics: &Metrics, certified: &certificate::Certified) {
    if let Some(about) = certified.about() {
        metrics.set_certificate_until(about.until);
    }
}

/// Changes a running relay: what an operator reloads.
#[derive(Clone)]
pub struct Controls {
    live: Arc<Live>,
    // Locked for as long as anybody could write into it.
    folder: Arc<DataFolder>,
    host: String,
    plain: bool,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Controls {
    /// Puts certificate, limits, origins, token and `log_peers` of `config` into effect, for
    /// connections from now on. Everything else in it is passed over.
    ///
    /// # Errors
    /// A certificate that can't be used; nothing has been changed then.
    pub fn reload(&self, config: &Config) -> Result<(), StartError> {
        let now = self.clock.now();
        let certified = match &config.certificate {
            _ if self.plain => None,
            // ACME renews by itself.
            CertificateSource::Acme(_) => None,
            CertificateSource::SelfMade => {
                Some(certificate::self_made(&self.folder, &self.host, now)?)
            }
            CertificateSource::Files { certificate, key } => {
                Some(certificate::again(certificate, key, now)?)
            }
        };
        if let Some(certified) = certified {
            note_end(&self.metrics, &certified);
            self.live.set_acceptor(Acceptor::tls(certified, None)?);
        }
        self.live.set_rules(Rules::of(config));
        Metrics::count(&self.metrics.reloads);
        Ok(())
    }
}

/// The next connection that there is a place for; the others are closed at once, before anything
/// is kept for them.
async fn next(listener: &TcpListener, live: &Live, metrics: &Metrics) -> (TcpStream, Place) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match live.admit(peer.ip()) {
                Some(place) => return (stream, place),
                None => Metrics::count(&metrics.turned_away),
            },
            Err(error) => {
                // Out of file descriptors, say: others ending makes room.
                tracing::warn!(%error, "accepting failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// TLS and HTTP/1.1 on one connection, until it ends or becomes a WebSocket.
async fn serve_http<S: Store>(
    shared: Arc<Shared<S>>,
    acceptor: Acceptor,
    app: axum::Router,
    stream: TcpStream,
    place: Arc<Place>,
) {
    let rules = shared.live.rules();
    let within = rules.limits.handshake;
    let peer = stream.peer_addr().ok();
    let local = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let _stay = peer.filter(|_| rules.log_peers).map(Stay::begin);
    let accepted = tokio::select! {
        () = shared.stopping.cancelled() => return,
        accepted = tokio::time::timeout(within, acceptor.accept(stream, rules.limits.send)) => accepted,
    };
    let Ok(Ok((stream, ends))) = accepted else {
        Metrics::count(&shared.metrics.failed_hellos);
        return;
    };
    let accepted = Accepted { ends, local, place };
    let app = app.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(accepted.clone());
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(within)
        .max_buf_size(16 * 1024)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        // What went wrong on one connection is for its other end to know.
        _ = &mut connection => {}
        () = shared.stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(within, connection).await;
        }
    }
}

/// That somebody is here, for an operator who asked to see it (`log-peers`).
pub(crate) struct Stay(SocketAddr);

impl Stay {
    fn begin(peer: SocketAddr) -> Self {
        tracing::info!(%peer, "connected");
        Self(peer)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        tracing::info!(peer = %self.0, "left");
    }
}

/// Forgets addresses that nothing is known of any more but that they were here, every minute.
async fn forget<S: Store>(shared: Arc<Shared<S>>) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = minute.tick() => shared.live.addresses.forget(Instant::now()),
        }
    }
}

/// Lets go of what is too old, once an hour.
async fn expire<S: Store>(shared: Arc<Shared<S>>, clock: Clock) {
    let mut clock = DeletingClock::new(clock, Instant::now());
    let mut hour = tokio::time::interval(Duration::from_secs(3600));
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = hour.tick() => {
                let now = clock.now(Instant::now());
                if let Err(error) = shared.store.expire(now).await {
                    tracing::warn!(%error, "expiry failed");
                }
                if let Err(error) = shared.blobs.expire(now).await {
                    tracing::warn!(%error, "expiry of blobs failed");
                }
            }
        }
    }
}

fn public_host(host: Option<&str>, local: SocketAddr) -> Result<String, StartError> {
    match host {
        Some(host) => Ok(host.trim_matches(['[', ']']).to_owned()),
        None if local.ip().is_unspecified() => Err(StartError::HostNeeded),
        None => Ok(local.ip().to_string()),
    }
}
