//! From a port to tabs, and back to nothing when told to stop.

use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sotto_client::Host;
use sotto_client::contract::{Problem, Start};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::config::{Config, Limits};
use crate::guard::Name;
use crate::http;
use crate::problem::{self, StartError};
use crate::screens::Screens;
use crate::sessions::Sessions;

/// What whoever started the host is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// This address lets one browser in. It is a secret until then.
    Address(String),
    /// The address that was told last was known to somebody who must not know it, whose browser
    /// names this origin. It lets nobody in any more; the next address follows.
    TokenStolen(Option<String>),
}

impl Told {
    /// What is to be told to people beside an address.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Address(_) => None,
            Self::TokenStolen(origin) => Some(problem::stolen(origin.as_deref())),
        }
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) host: Arc<Host>,
    pub(crate) start: Start,
    pub(crate) screens: Screens,
    pub(crate) limits: Limits,
    pub(crate) name: Name,
    pub(crate) sessions: Sessions,
    pub(crate) tabs: Arc<Semaphore>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
    told: mpsc::UnboundedSender<Told>,
}

impl Shared {
    /// Each of these was paid for with a token, so there are never many.
    pub(crate) fn tell(&self, told: Told) {
        let _ = self.told.send(told);
    }

    /// Tells the address that is good now. What stands after the `#` a browser sends to nobody.
    pub(crate) fn tell_address(&self) {
        let address = format!("{}/#{}", self.name.origin, self.sessions.token());
        self.tell(Told::Address(address));
    }
}

/// One of the places for connections, kept until the last holder is gone.
#[derive(Clone)]
pub(crate) struct Place(#[allow(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// A web host that listens but does not serve yet.
pub struct Web {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Web {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// The port can't be used.
    pub async fn bind(
        config: Config,
        host: Arc<Host>,
        told: mpsc::UnboundedSender<Told>,
    ) -> Result<Self, StartError> {
        let Config {
            start,
            screens,
            port,
            limits,
        } = config;
        let failed = |error| StartError::Port { port, error };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            host,
            start,
            screens,
            limits,
            name: Name::new(local.port()),
            sessions: Sessions::new(),
            tabs: Arc::new(Semaphore::new(limits.tabs)),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            told,
        });
        Ok(Self { listener, shared })
    }

    /// Serves until `stop`, beginning with the first address; then tells every tab that it ends,
    /// and waits for what was asked to be done. The profiles stay open: they are the caller's.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, shared } = self;
        let places = Arc::new(Semaphore::new(shared.limits.connections));
        let app = http::router(&shared);
        shared.tell_address();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = next(&listener, &places) => accepted,
            };
            if let Some((stream, place)) = accepted {
                let serving = serve(Arc::clone(&shared), app.clone(), stream, place);
                shared.tasks.spawn(serving);
            }
        }
        drop(listener);
        shared.stopping.cancel();
        shared.tasks.close();
        let _ = tokio::time::timeout(shared.limits.stop, shared.tasks.wait()).await;
    }
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, Place(Arc::new(place)))),
        Err(_) => {
            // Out of file descriptors, say: others ending makes room.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// HTTP/1.1 on one connection, until it ends or becomes a WebSocket.
async fn serve(shared: Arc<Shared>, app: axum::Router, stream: TcpStream, place: Place) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let within = shared.limits.request;
    let app = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
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
