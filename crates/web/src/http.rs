//! The HTTP side: the screens, the exchange of a token, and the way into the WebSocket.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use hyper_util::rt::TokioIo;

use crate::guard::{self, OurPage};
use crate::problem::Refused;
use crate::server::Shared;
use crate::{session, socket};

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let allow = |method| move || async move { not_for_this(method) };
    Router::new()
        .route("/session", post(session::exchange).fallback(allow("POST")))
        .route("/contract", get(upgrade).fallback(allow("GET")))
        .fallback(screen)
        .layer(middleware::from_fn_with_state(
            Arc::clone(shared),
            guard::stand,
        ))
        .with_state(Arc::clone(shared))
}

/// A refusal as the page's program reads it: the problem as JSON.
pub(crate) fn refuse(refused: Refused) -> Response {
    let text = serde_json::to_string(&refused.problem()).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (refused.status(), headers, text).into_response()
}

/// A refusal as a person reads it who went to an address.
fn say(refused: Refused) -> Response {
    let problem = refused.problem();
    let words = format!("{} {} {}\n", problem.happened, problem.safe, problem.next);
    (refused.status(), [(CACHE_CONTROL, "no-store")], words).into_response()
}

fn not_for_this(allowed: &'static str) -> Response {
    let mut response = refuse(Refused::OtherMethod);
    response
        .headers_mut()
        .insert(ALLOW, axum::http::HeaderValue::from_static(allowed));
    response
}

async fn screen(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not_for_this("GET, HEAD");
    }
    shared
        .screens
        .answer(request.uri().path(), request.headers())
        .unwrap_or_else(|| say(Refused::NoSuchPage))
}

/// The WebSocket handshake (RFC 6455, section 4.2). Done here rather than by axum, because a
/// message that is too long has to be let run out of the stream below before it is closed.
async fn upgrade(
    State(shared): State<Arc<Shared>>,
    _ours: OurPage,
    mut request: Request,
) -> Response {
    let headers = request.headers();
    let asked = has_word(headers, &CONNECTION, "upgrade")
        && has_word(headers, &UPGRADE, "websocket")
        && headers
            .get(SEC_WEBSOCKET_VERSION)
            .is_some_and(|version| version == "13");
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asked) else {
        let mut response = refuse(Refused::NoWebSocket);
        response
            .headers_mut()
            .insert(UPGRADE, axum::http::HeaderValue::from_static("websocket"));
        return response;
    };
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    let place = request.extensions_mut().remove::<crate::server::Place>();
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            socket::serve(shared, TokioIo::new(upgraded)).await;
        }
        drop(place);
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(word))
}
