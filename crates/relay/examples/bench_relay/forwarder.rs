//! The peer: TLS and WebSocket as the relay has them, and nothing else. What comes from one of
//! two connections goes to the other.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use sotto_wire::{RelayAddress, RelayIdentity};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Forwards until it is ended.
pub(crate) async fn be() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = sotto_suite::tls::provider();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    super::say_address(
        &RelayAddress::new("127.0.0.1", port, RelayIdentity([0; 32]), false).unwrap(),
    );

    let mut first = None;
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let small = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(4096);
        let socket = tokio_tungstenite::accept_async_with_config(stream, Some(small))
            .await
            .unwrap();
        // Pairs are forwarded both ways; a last one without a partner is just held.
        match first.take() {
            None => first = Some(socket),
            Some(other) => {
                let (one_out, one_in) = socket.split();
                let (two_out, two_in) = other.split();
                tokio::spawn(forward(one_in, two_out));
                tokio::spawn(forward(two_in, one_out));
            }
        }
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>;
type Message = tokio_tungstenite::tungstenite::Message;

async fn forward(
    mut from: futures_util::stream::SplitStream<Socket>,
    mut to: futures_util::stream::SplitSink<Socket, Message>,
) {
    use futures_util::FutureExt as _;
    while let Some(Ok(message)) = from.next().await {
        if to.feed(message).await.is_err() {
            return;
        }
        // What has come already goes along before the flush.
        while let Some(Some(Ok(message))) = from.next().now_or_never() {
            if to.feed(message).await.is_err() {
                return;
            }
        }
        if to.flush().await.is_err() {
            return;
        }
    }
}
