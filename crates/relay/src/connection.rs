//! One client's connection, from the hello to its end: one task, one owner of the socket.
//!
//! Frames are taken while there is room for what they ask for; answers and deliveries are written
//! by the same task, so a client that does not read is not read from either, and nothing is
//! buffered for it beyond the socket.

mod commands;
mod delivery;
mod hello;
mod session;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::SinkExt as _;
use sotto_wire::{Refusal, RefusalCode, RelayFrame, TransportEnds, encode};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, WebSocketConfig, frame::coding::CloseCode,
};

use crate::addresses::Place;
use crate::metrics::Metrics;
use crate::server::Shared;
use crate::store::Store;
use crate::transport::Transport;

/// A fresh WebSocket, before anything was said on it.
pub(crate) struct Opening {
    pub(crate) stream: Transport,
    /// Bytes that HTTP has read beyond its own.
    pub(crate) read: Bytes,
    pub(crate) ends: TransportEnds,
    /// Half open until the hello is complete; given back with the connection.
    pub(crate) place: Arc<Place>,
}

type Socket = WebSocketStream<Transport>;

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The other side has gone, or can't be written to.
    Gone,
    /// We end it, and say why.
    Closing(RefusalCode),
}

impl From<tokio_tungstenite::tungstenite::Error> for End {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error;
        match error {
            Error::Capacity(_) => Self::Closing(RefusalCode::TooLarge),
            Error::Protocol(_) | Error::Utf8(_) => Self::Closing(RefusalCode::Malformed),
            _ => Self::Gone,
        }
    }
}

/// Serves one client until it goes, breaks a rule, or the relay stops.
pub(crate) async fn serve<S: Store>(shared: Arc<Shared<S>>, opening: Opening) {
    shared.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let place = Arc::clone(&opening.place);
    let opened = tokio::select! {
        () = shared.stopping.cancelled() => None,
        opened = tokio::time::timeout(shared.limits().handshake, hello::open(&shared, opening)) => opened.ok().flatten(),
    };
    match opened {
        Some((mut socket, binding)) => {
            place.settle();
            let end = session::run(&shared, &mut socket, binding, place.address()).await;
            if let End::Closing(code) = end {
                close(&mut socket, code, &shared).await;
            }
        }
        None => Metrics::count(&shared.metrics.failed_hellos),
    }
    shared.metrics.connections.fetch_sub(1, Ordering::Relaxed);
}

/// Says why, ends the WebSocket, and gives the other side a moment to read it.
async fn close<S>(socket: &mut Socket, code: RefusalCode, shared: &Shared<S>) {
    if code != RefusalCode::Stopping {
        shared.metrics.closed(code);
        tracing::debug!(?code, "a connection was ended by the relay");
    }
    let retry_after_ms = match code {
        RefusalCode::Stopping | RefusalCode::Unavailable | RefusalCode::TooFast => Some(1000),
        _ => None,
    };
    let goodbye = async {
        let closing = RelayFrame::Closing(Refusal {
            code,
            retry_after_ms,
            handshakes: None,
        });
        socket.send(message(&closing)).await?;
        let code = match code {
            RefusalCode::Stopping => CloseCode::Away,
            RefusalCode::TooLarge => CloseCode::Size,
            RefusalCode::Unavailable => CloseCode::Again,
            _ => CloseCode::Policy,
        };
        socket
            .close(Some(CloseFrame {
                code,
                reason: "".into(),
            }))
            .await?;
        // Until the other side has closed too: cutting earlier could lose what was just said.
        while let Some(Ok(_)) = futures_util::StreamExt::next(socket).await {}
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    };
    let patience = shared.limits().send.min(shared.limits().stop / 10);
    let _ = tokio::time::timeout(patience, goodbye).await;
}

fn message(frame: &RelayFrame) -> Message {
    Message::Binary(encode(frame).into())
}

/// Small buffers: a connection that is idle most of its life should not cost much.
fn socket_config(max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_message_size(Some(max))
        .max_frame_size(Some(max))
}
