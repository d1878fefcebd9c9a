//! A second address for operators' programs alone: health, readiness and metrics, without TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::server::Shared;
use crate::store::Store;

/// Connections at once; a scraper needs one.
const PLACES: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until the relay stops.
pub(crate) async fn serve<S: Store>(shared: Arc<Shared<S>>, listener: TcpListener) {
    let app = Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready::<S>))
        .route("/metrics", get(metrics::<S>))
        .with_state(Arc::clone(&shared));
    let places = Arc::new(Semaphore::new(PLACES));
    loop {
        let accepted = tokio::select! {
            () = shared.stopping.cancelled() => return,
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                Some((listener.accept().await.ok()?.0, place))
            } => accepted,
        };
        let Some((stream, place)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (app, stopping) = (app.clone(), shared.stopping.clone());
        shared.tasks.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
            tokio::select! {
                () = stopping.cancelled() => {}
                _ = connection => {}
            }
            drop(place);
        });
    }
}

async fn ready<S: Store>(State(shared): State<Arc<Shared<S>>>) -> Response {
    crate::http::readiness(&shared).await
}

async fn metrics<S: Store>(State(shared): State<Arc<Shared<S>>>) -> Response {
    (
        StatusCode::OK,
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        shared.metrics.render(),
    )
        .into_response()
}
