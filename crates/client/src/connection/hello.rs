//! The first two frames: who is at the other end, and which version both speak.

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use sotto_suite::{Random, RandomExt as _};
use sotto_wire::{
    Binding, ClientFrame, ClientHello, Nonce, RefusalCode, RelayAddress, RelayFrame, TransportEnds,
    VERSIONS, decode, encode, limits,
};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::ConnectionError;

/// Says hello on a fresh WebSocket and verifies the answer.
pub(super) async fn exchange<S>(
    socket: &mut S,
    relay: &RelayAddress,
    ends: &TransportEnds,
    token: Option<String>,
    random: &mut dyn Random,
) -> Result<Binding, ConnectionError>
where
    S: Stream<Item = Result<Message, WsError>> + Sink<Message, Error = WsError> + Unpin,
{
    let nonce = Nonce(random.bytes());
    let hello = ClientHello {
        versions: VERSIONS.to_vec(),
        nonce,
        token,
    };
    let hello = encode(&ClientFrame::Hello(hello));
    socket
        .send(Message::Binary(hello.into()))
        .await
        .map_err(ConnectionError::lost)?;
    let bytes = loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => break bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(ConnectionError::Closed),
            Some(Ok(_)) => return Err(ConnectionError::Garbage("a text message")),
            Some(Err(error)) => return Err(ConnectionError::lost(error)),
        }
    };
    if bytes.len() > limits::MAX_HELLO {
        return Err(ConnectionError::Oversized);
    }
    match decode::<RelayFrame>(&bytes, limits::MAX_HELLO) {
        Ok(RelayFrame::Hello(hello)) => {
            Ok(hello.verify(relay, &nonce, &ends.certificate, &ends.exporter)?)
        }
        Ok(RelayFrame::Closing(refusal)) if refusal.code == RefusalCode::Version => {
            Err(ConnectionError::OtherVersion)
        }
        Ok(RelayFrame::Closing(refusal)) => Err(ConnectionError::Refused(refusal)),
        Ok(_) => Err(ConnectionError::OutOfOrder("a frame before its hello")),
        Err(_) => Err(ConnectionError::Garbage("a hello that can't be read")),
    }
}
