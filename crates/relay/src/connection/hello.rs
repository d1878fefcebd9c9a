//! The hello: which version, and the relay's proof of who it is.

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use sotto_suite::{RandomExt as _, SystemRandom, hash::sha256};
use sotto_wire::{
    Binding, ClientFrame, ClientHello, Limits, Nonce, RefusalCode, RelayFrame, RelayHello,
    VERSIONS, decode, limits,
};
use subtle::ConstantTimeEq as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{End, Opening, Socket, close, message, socket_config};
use crate::server::Shared;

/// Answers a client's hello. `None` if there was none to answer; the client has been told why.
///
/// Until the hello is complete a frame has [`limits::MAX_HELLO`] bytes at most. The bound widens
/// with a new WebSocket state over the same stream, so a client says nothing between its hello
/// and the relay's.
pub(super) async fn open<S>(shared: &Shared<S>, opening: Opening) -> Option<(Socket, Binding)> {
    let Opening {
        stream, read, ends, ..
    } = opening;
    let config = socket_config(limits::MAX_HELLO);
    let mut socket =
        WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config))
            .await;
    let hello = match client_hello(&mut socket, shared).await {
        Ok(hello) => hello,
        Err(End::Closing(code)) => {
            close(&mut socket, code, shared).await;
            return None;
        }
        Err(End::Gone) => return None,
    };
    // Checked before: there is a common version.
    let version = common_version(&hello)?;
    let nonce = Nonce(SystemRandom::new().bytes());
    let granted = shared.limits();
    let allowed = Limits {
        entry: u32::try_from(limits::MAX_ENTRY).unwrap_or(u32::MAX),
        in_flight: granted.in_flight,
        requests_per_second: granted.rates.requests_per_second,
        blobs: shared.blob_limits,
    };
    let (hello, binding) = RelayHello::sign(
        &shared.identity,
        version,
        hello.nonce,
        nonce,
        &ends,
        allowed,
    );
    let stream = socket.into_inner();
    let config = socket_config(limits::MAX_FRAME);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    socket.send(message(&RelayFrame::Hello(hello))).await.ok()?;
    Some((socket, binding))
}

async fn client_hello<S>(socket: &mut Socket, shared: &Shared<S>) -> Result<ClientHello, End> {
    let bytes = first_frame(socket).await?;
    let hello = match decode(&bytes, limits::MAX_HELLO) {
        Ok(ClientFrame::Hello(hello)) => hello,
        Ok(_) => return Err(End::Closing(RefusalCode::Unexpected)),
        Err(_) => return Err(End::Closing(RefusalCode::Malformed)),
    };
    if common_version(&hello).is_none() {
        return Err(End::Closing(RefusalCode::Version));
    }
    if let Some(token) = &shared.live.rules().token {
        let named = hello
            .token
            .as_deref()
            .filter(|named| named.len() <= limits::MAX_TOKEN);
        let named = sha256(&[named.unwrap_or_default().as_bytes()]);
        if !bool::from(named.ct_eq(token)) {
            return Err(End::Closing(RefusalCode::Token));
        }
    }
    if socket.next().now_or_never().is_some() {
        return Err(End::Closing(RefusalCode::Unexpected));
    }
    Ok(hello)
}

async fn first_frame(socket: &mut Socket) -> Result<Bytes, End> {
    loop {
        match socket.next().await.ok_or(End::Gone)?? {
            Message::Binary(bytes) => return Ok(bytes),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return Err(End::Gone),
            Message::Text(_) | Message::Frame(_) => {
                return Err(End::Closing(RefusalCode::Malformed));
            }
        }
    }
}

/// The newest version that both speak.
fn common_version(hello: &ClientHello) -> Option<u16> {
    VERSIONS
        .iter()
        .copied()
        .find(|version| hello.versions.contains(version))
}
