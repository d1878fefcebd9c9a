//! A relay that does what a test says.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::PublicKeyData as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::PrivatePkcs8KeyDer;
use sotto_suite::hash::sha256;
use sotto_suite::{RandomExt as _, SigningKey, SystemRandom};
use sotto_wire::{
    ClientFrame, ClientHello, EXPORTER_LABEL, Limits, Nonce, RelayAddress, RelayFrame, RelayHello,
    RelayIdentity, TransportEnds, decode, encode, limits,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(super) const LIMITS: Limits = Limits {
    entry: 4096,
    in_flight: 256,
    requests_per_second: 100,
    blobs: None,
};

/// A listening relay with an identity and a certificate.
pub(super) struct Fake {
    pub(super) listener: TcpListener,
    pub(super) key: SigningKey,
    acceptor: TlsAcceptor,
    certificate: [u8; 32],
    plain: bool,
}

/// What a connection of a fake relay can do.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// An accepted connection after the WebSocket handshake.
pub(super) struct Accepted {
    pub(super) socket: WebSocketStream<Box<dyn Wire>>,
    pub(super) ends: TransportEnds,
    key: SigningKey,
}

impl Fake {
    pub(super) async fn tls() -> Self {
        Self::listen(false, &TLS13).await
    }

    pub(super) async fn plain() -> Self {
        Self::listen(true, &TLS13).await
    }

    pub(super) async fn old_tls() -> Self {
        Self::listen(false, &TLS12).await
    }

    async fn listen(plain: bool, version: &'static SupportedProtocolVersion) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = sha256(&[&made.signing_key.subject_public_key_info()]);
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            key: SigningKey::from_seed(&SystemRandom::new().secret()),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
            plain,
        }
    }

    /// Where it is and who it is.
    pub(super) fn address(&self) -> RelayAddress {
        RelayAddress {
            host: "127.0.0.1".into(),
            port: self.listener.local_addr().unwrap().port(),
            identity: RelayIdentity::of(&self.key.public()),
            plain: self.plain,
        }
    }

    pub(super) async fn accept_tcp(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Shakes hands as far as it goes.
    pub(super) async fn finish_tls(&self, tcp: TcpStream) -> std::io::Result<()> {
        self.acceptor.accept(tcp).await.map(drop)
    }

    /// Accepts up to the WebSocket.
    pub(super) async fn accept(&self) -> Accepted {
        let tcp = self.accept_tcp().await;
        tcp.set_nodelay(true).unwrap();
        let (stream, ends): (Box<dyn Wire>, _) = if self.plain {
            (Box::new(tcp), TransportEnds::NONE)
        } else {
            let tls = self.acceptor.accept(tcp).await.unwrap();
            let exporter = tls.get_ref().1;
            let exporter = exporter
                .export_keying_material([0; 32], EXPORTER_LABEL, None)
                .unwrap();
            let ends = TransportEnds {
                certificate: self.certificate,
                exporter,
            };
            (Box::new(tls), ends)
        };
        let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        Accepted {
            socket,
            ends,
            key: self.key.clone(),
        }
    }

    /// Accepts and says a good hello.
    pub(super) async fn welcome(&self) -> Accepted {
        let mut accepted = self.accept().await;
        let hello = accepted.client_hello().await;
        accepted.answer(&hello).await;
        accepted
    }
}

impl Accepted {
    pub(super) async fn client_hello(&mut self) -> ClientHello {
        match self.receive().await {
            ClientFrame::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    /// A good answer to the client's hello.
    pub(super) fn hello(&self, client: &ClientHello) -> RelayHello {
        let nonce = Nonce(SystemRandom::new().bytes());
        let version = client.versions[0];
        RelayHello::sign(&self.key, version, client.nonce, nonce, &self.ends, LIMITS).0
    }

    pub(super) async fn answer(&mut self, client: &ClientHello) {
        let hello = self.hello(client);
        self.send(&RelayFrame::Hello(hello)).await;
    }

    pub(super) async fn send(&mut self, frame: &RelayFrame) {
        self.send_raw(Message::Binary(encode(frame).into())).await;
    }

    pub(super) async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame; pings are answered on the way.
    pub(super) async fn receive(&mut self) -> ClientFrame {
        loop {
            match self.socket.next().await.expect("a connection").unwrap() {
                Message::Binary(bytes) => return decode(&bytes, limits::MAX_FRAME).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the other side has said goodbye.
    pub(super) async fn until_closed(&mut self) -> bool {
        while let Some(message) = self.socket.next().await {
            match message {
                Ok(Message::Close(_)) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }
}
