//! The HTTP side: health, metrics, a page for people, and the way into the WebSocket.

mod blob;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_TYPE, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use hyper_util::rt::TokioIo;
use sotto_wire::TransportEnds;

use crate::addresses::Place;
use crate::connection::{self, Opening};
use crate::page::Page;
use crate::server::Shared;
use crate::store::Store;
use crate::transport::Transport;

/// What the accept loop knows of a connection, handed to its requests.
#[derive(Clone)]
pub(crate) struct Accepted {
    pub(crate) ends: TransportEnds,
    /// From this machine.
    pub(crate) local: bool,
    /// One of the places for connections, kept until the last holder is gone.
    pub(crate) place: Arc<Place>,
}

pub(crate) fn router<S: Store>(shared: Arc<Shared<S>>) -> Router {
    let (landing, invite) = (Page::landing(&shared.address), Page::invite());
    Router::new()
        .route("/", get(async move || landing.response()))
        .route("/i", get(async move || invite.response()))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready::<S>))
        .route("/metrics", get(metrics::<S>))
        .route("/v1", get(upgrade::<S>))
        .route("/b/{blob}", any(blob::blob::<S>))
        .with_state(shared)
}

/// Can the store do its work?
async fn ready<S: Store>(State(shared): State<Arc<Shared<S>>>) -> Response {
    readiness(&shared).await
}

pub(crate) async fn readiness<S: Store>(shared: &Shared<S>) -> Response {
    match shared.store.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer\n",
        )
            .into_response(),
    }
}

/// For this machine alone: whoever could ask from elsewhere, often, would see in a quiet relay's
/// counters when somebody writes to somebody.
async fn metrics<S: Store>(
    State(shared): State<Arc<Shared<S>>>,
    Extension(accepted): Extension<Accepted>,
) -> Response {
    if !accepted.local {
        return StatusCode::NOT_FOUND.into_response();
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        shared.metrics.render(),
    )
        .into_response()
}

/// The WebSocket handshake (RFC 6455, section 4.2). Done here rather than by axum, because the
/// bounds on a frame widen after the hello, and because the stream below is needed as it is.
async fn upgrade<S: Store>(State(shared): State<Arc<Shared<S>>>, mut request: Request) -> Response {
    let headers = request.headers();
    let from_browser = headers.contains_key(ORIGIN);
    if !origins_allowed(headers, &shared.live.rules().allow_origins) {
        return (StatusCode::FORBIDDEN, "this origin is not let in\n").into_response();
    }
    let asked = has_word(headers, &CONNECTION, "upgrade")
        && has_word(headers, &UPGRADE, "websocket")
        && headers
            .get(SEC_WEBSOCKET_VERSION)
            .is_some_and(|version| version == "13");
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asked) else {
        return (
            StatusCode::UPGRADE_REQUIRED,
            [(UPGRADE, "websocket")],
            "a WebSocket is spoken here\n",
        )
            .into_response();
    };
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let Some(Accepted { ends, place, .. }) = request.extensions_mut().remove::<Accepted>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // A browser can't look into its TLS, so what it signs can't name it.
    let ends = if from_browser {
        TransportEnds::NONE
    } else {
        ends
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let session = Arc::clone(&shared);
    shared.tasks.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        // It is what the accept loop put in; anything else can't be.
        let Ok(parts) = upgraded.downcast::<TokioIo<Transport>>() else {
            return;
        };
        let opening = Opening {
            stream: parts.io.into_inner(),
            read: parts.read_buf,
            ends,
            place,
        };
        connection::serve(session, opening).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn origins_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)))
    })
}

fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(word))
}
