//! From an address to a WebSocket whose other end has proven who it is.

use std::pin::Pin;
use std::task::{Context, Poll};

use sotto_suite::Random;
use sotto_wire::{Binding, RelayAddress, TransportEnds, is_loopback, limits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::{ConnectionError, hello, tls};
use crate::Timing;

/// Where on the relay the WebSocket lives.
const PATH: &str = "/v1";
/// Read and write buffers of the WebSocket, in bytes: the library's defaults cost 20 times the
/// memory and are slower.
const BUFFER: usize = 4096;

/// A WebSocket to a relay, before or after its hello.
pub(super) type Socket = WebSocketStream<Transport>;

/// What is below the WebSocket.
pub(super) enum Transport {
    /// TLS 1.3.
    Tls(Box<TlsStream<TcpStream>>),
    /// Nothing; on this machine alone.
    Plain(TcpStream),
}

/// Dials `relay` and verifies its hello.
pub(super) async fn dial(
    relay: &RelayAddress,
    token: Option<String>,
    timing: &Timing,
    random: &mut dyn Random,
) -> Result<(Socket, Binding), ConnectionError> {
    let (mut socket, ends) = timeout(timing.connect, open(relay))
        .await
        .map_err(|_| ConnectionError::ConnectTimeout)??;
    let binding = timeout(
        timing.hello,
        hello::exchange(&mut socket, relay, &ends, token, random),
    )
    .await
    .map_err(|_| ConnectionError::HelloTimeout)??;
    Ok((socket, binding))
}

async fn open(relay: &RelayAddress) -> Result<(Socket, TransportEnds), ConnectionError> {
    if relay.plain && !is_loopback(&relay.host) {
        return Err(ConnectionError::PlainNotAllowed);
    }
    let tcp = TcpStream::connect((relay.host.as_str(), relay.port))
        .await
        .map_err(ConnectionError::Unreachable)?;
    // A frame is written when it is ready; waiting to fill a packet would only add delay.
    tcp.set_nodelay(true)
        .map_err(ConnectionError::Unreachable)?;
    if relay.plain {
        let socket = upgrade(Transport::Plain(tcp), "ws", relay).await?;
        return Ok((socket, TransportEnds::NONE));
    }
    let (stream, ends) = tls::connect(tcp, &relay.host).await?;
    let socket = upgrade(Transport::Tls(Box::new(stream)), "wss", relay).await?;
    Ok((socket, ends))
}

async fn upgrade(
    transport: Transport,
    scheme: &str,
    relay: &RelayAddress,
) -> Result<Socket, ConnectionError> {
    let uri: Uri = format!("{scheme}://{}{PATH}", relay.host_port())
        .parse()
        .map_err(|_| ConnectionError::BadAddress)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(limits::MAX_FRAME))
        .max_frame_size(Some(limits::MAX_FRAME));
    let request = ClientRequestBuilder::new(uri);
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, transport, Some(config))
        .await
        .map_err(ConnectionError::upgrade)?;
    Ok(socket)
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
