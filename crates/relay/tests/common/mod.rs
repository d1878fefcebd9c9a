//! A client for tests: it says what it is told to, valid or not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "tests stop at the first surprise, and each uses a part of this"
)]

pub mod blob;
pub mod http;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sotto_relay::{Config, Relay};
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_suite::{RandomExt as _, Secret, SystemRandom, hash::sha256};
use sotto_wire::*;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// A relay in this process.
pub struct Running {
    pub address: RelayAddress,
    pub metrics: Arc<sotto_relay::Metrics>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn start(data: &Path) -> Self {
        Self::with(Config::new(data)).await
    }

    pub async fn plain(data: &Path) -> Self {
        Self::with(Config {
            plain: true,
            ..Config::new(data)
        })
        .await
    }

    pub async fn with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay::bind(config, listener).unwrap();
        let (address, metrics) = (relay.address().clone(), relay.metrics());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(relay.run(async move { drop(stopped.await) }));
        Self {
            address,
            metrics,
            stop: Some(stop),
            task,
        }
    }

    /// Tells it to stop, without waiting.
    pub fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn stop(mut self) {
        self.tell_to_stop();
        self.task.await.unwrap();
    }
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
pub struct Client {
    pub socket: WebSocketStream<Box<dyn Stream>>,
    pub binding: Binding,
    next: RequestId,
    /// Deliveries that came while an answer was waited for.
    pub delivered: VecDeque<(ChannelId, Delivered)>,
}

impl Client {
    pub async fn connect(address: &RelayAddress) -> Self {
        let (stream, ends) = transport(address).await;
        Self::over(address, stream, ends).await
    }

    /// Says hello over a connection that is there.
    pub async fn over(
        address: &RelayAddress,
        stream: Box<dyn Stream>,
        ends: TransportEnds,
    ) -> Self {
        let mut socket = upgrade(address, None, stream).await.unwrap();
        let nonce = Nonce(SystemRandom::new().bytes());
        let hello = ClientHello {
            versions: VERSIONS.to_vec(),
            nonce,
            token: None,
        };
        say(&mut socket, &ClientFrame::Hello(hello)).await;
        let Some(RelayFrame::Hello(hello)) = hear(&mut socket).await else {
            panic!("no hello")
        };
        let binding = hello
            .verify(address, &nonce, &ends.certificate, &ends.exporter)
            .unwrap();
        Self {
            socket,
            binding,
            next: 1,
            delivered: VecDeque::new(),
        }
    }

    /// Sends a request without waiting for the answer.
    pub async fn request(&mut self, command: Command) -> RequestId {
        let id = self.next;
        self.next += 1;
        say(&mut self.socket, &ClientFrame::Request { id, command }).await;
        id
    }

    /// The next frame that is no delivery.
    pub async fn answer(&mut self) -> Option<RelayFrame> {
        loop {
            match hear(&mut self.socket).await? {
                RelayFrame::Deliver {
                    channel, delivered, ..
                } => self.delivered.push_back((channel, delivered)),
                frame => return Some(frame),
            }
        }
    }

    pub async fn ask(&mut self, command: Command) -> Result<Reply, RefusalCode> {
        self.ask_fully(command)
            .await
            .map_err(|refusal| refusal.code)
    }

    pub async fn ask_fully(&mut self, command: Command) -> Result<Reply, Refusal> {
        let asked = self.request(command).await;
        match self.answer().await.expect("the relay went away") {
            RelayFrame::Reply { id, reply } if id == asked => Ok(reply),
            RelayFrame::Refused { id, refusal } if id == asked => Err(refusal),
            frame => panic!("answer to {asked} expected, not {frame:?}"),
        }
    }

    pub async fn prove(&mut self, channel: ChannelId, role: Role, key: &SigningKey) {
        let proof = self.binding.prove(channel, role, key);
        assert_eq!(self.ask(proof).await, Ok(Reply::Done));
    }

    pub async fn acknowledge(&mut self, channel: ChannelId, subscriber: PublicKey, position: u64) {
        let position = Position(position);
        say(
            &mut self.socket,
            &ClientFrame::Acknowledge {
                channel,
                subscriber,
                position,
            },
        )
        .await;
    }

    pub async fn next_delivery(&mut self) -> Delivered {
        self.next_delivery_from().await.1
    }

    pub async fn next_delivery_from(&mut self) -> (ChannelId, Delivered) {
        if let Some(delivered) = self.delivered.pop_front() {
            return delivered;
        }
        match hear(&mut self.socket).await {
            Some(RelayFrame::Deliver {
                channel, delivered, ..
            }) => (channel, delivered),
            other => panic!("a delivery expected, not {other:?}"),
        }
    }

    pub async fn next_entry(&mut self) -> Entry {
        match self.next_delivery().await {
            Delivered::Entry(entry) => entry,
            other => panic!("an entry expected, not {other:?}"),
        }
    }

    /// Nothing comes for a while.
    pub async fn nothing_comes(&mut self) {
        assert!(self.delivered.is_empty(), "{:?}", self.delivered);
        let come = tokio::time::timeout(Duration::from_millis(200), hear(&mut self.socket)).await;
        assert!(come.is_err(), "{come:?}");
    }

    pub async fn subscribe(&mut self, room: &Room, key: &SigningKey) -> Subscribed {
        self.prove(room.channel, Role::Subscriber, key).await;
        self.resubscribe(room, key).await.unwrap()
    }

    pub async fn resubscribe(
        &mut self,
        room: &Room,
        key: &SigningKey,
    ) -> Result<Subscribed, RefusalCode> {
        match self
            .ask(Command::Subscribe {
                channel: room.channel,
                subscriber: key.public(),
            })
            .await?
        {
            Reply::Subscribed(subscribed) => Ok(subscribed),
            other => panic!("{other:?}"),
        }
    }

    pub async fn append(
        &mut self,
        room: &Room,
        append: u8,
        body: &[u8],
    ) -> Result<Appended, RefusalCode> {
        appended(self.ask(room.chat(append, body)).await)
    }
}

pub fn appended(reply: Result<Reply, RefusalCode>) -> Result<Appended, RefusalCode> {
    match reply? {
        Reply::Appended(appended) => Ok(appended),
        other => panic!("{other:?}"),
    }
}

/// A channel with its keys.
pub struct Room {
    pub channel: ChannelId,
    pub admin: SigningKey,
    pub writer: SigningKey,
    pub alice: SigningKey,
    pub bob: SigningKey,
}

impl Room {
    pub fn new() -> Self {
        let key = || SigningKey::from_seed(&SystemRandom::new().secret());
        Self {
            channel: ChannelId(SystemRandom::new().bytes()),
            admin: key(),
            writer: key(),
            alice: key(),
            bob: key(),
        }
    }

    pub fn create(&self) -> Command {
        Command::Create {
            channel: self.channel,
            admin: self.admin.public(),
            writers: vec![self.writer.public()],
            subscribers: vec![self.alice.public(), self.bob.public()],
        }
    }

    /// Makes the channel and proves the writer.
    pub async fn open(client: &mut Client) -> Self {
        let room = Self::new();
        client.prove(room.channel, Role::Admin, &room.admin).await;
        assert_eq!(client.ask(room.create()).await, Ok(Reply::Done));
        client.prove(room.channel, Role::Writer, &room.writer).await;
        room
    }

    pub fn chat(&self, append: u8, body: &[u8]) -> Command {
        self.entry(Lane::Chat, append, 0, body)
    }

    pub fn entry(&self, lane: Lane, append: u8, handshakes: u64, body: &[u8]) -> Command {
        Command::Append {
            channel: self.channel,
            writer: self.writer.public(),
            lane,
            append: AppendId([append; 16]),
            handshakes,
            body: body.to_vec(),
            subscribers: vec![],
            fence: false,
        }
    }
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

pub async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    frame: &ClientFrame,
) {
    say_bytes(socket, encode(frame)).await;
}

pub async fn say_bytes<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    bytes: Vec<u8>,
) {
    socket.send(Message::Binary(bytes.into())).await.unwrap();
}

/// The next frame; `None` when the relay has closed.
pub async fn hear<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Option<RelayFrame> {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), socket.next())
            .await
            .expect("the relay says nothing");
        match next? {
            Ok(Message::Binary(bytes)) => return Some(decode(&bytes, limits::MAX_FRAME).unwrap()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(other) => panic!("{other:?}"),
        }
    }
}

/// The refusal with which the relay closes.
pub async fn hear_closing<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> RefusalCode {
    match hear(socket).await {
        Some(RelayFrame::Closing(refusal)) => {
            assert!(hear(socket).await.is_none(), "nothing after the closing");
            refusal.code
        }
        other => panic!("a closing expected, not {other:?}"),
    }
}

pub type Opened = (WebSocketStream<Box<dyn Stream>>, TransportEnds);

/// TCP, TLS and WebSocket, as far as the hello.
pub async fn open(
    address: &RelayAddress,
    origin: Option<&str>,
) -> Result<Opened, tungstenite::Error> {
    let (stream, ends) = transport(address).await;
    Ok((upgrade(address, origin, stream).await?, ends))
}

/// The WebSocket over a connection that is there.
async fn upgrade(
    address: &RelayAddress,
    origin: Option<&str>,
    stream: Box<dyn Stream>,
) -> Result<WebSocketStream<Box<dyn Stream>>, tungstenite::Error> {
    let scheme = if address.plain { "ws" } else { "wss" };
    let mut request = format!("{scheme}://{}/v1", address.host_port()).into_client_request()?;
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    // By default all of 128 KiB is zeroed before each read.
    let config = WebSocketConfig::default().read_buffer_size(16 * 1024);
    let (socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

/// TCP and TLS.
pub async fn transport(address: &RelayAddress) -> (Box<dyn Stream>, TransportEnds) {
    let stream = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .unwrap();
    stream.set_nodelay(true).unwrap();
    if address.plain {
        return (Box::new(stream), TransportEnds::NONE);
    }
    let provider = sotto_suite::tls::provider();
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let (_, session) = stream.get_ref();
    let group = session.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(
        group,
        rustls::NamedGroup::X25519MLKEM768,
        "what is recorded today stays closed to a future quantum computer"
    );
    let exporter = session
        .export_keying_material([0; 32], EXPORTER_LABEL, None)
        .unwrap();
    let certificate = &session.peer_certificates().unwrap()[0];
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).unwrap();
    let ends = TransportEnds {
        certificate: sha256(&[&parsed.subject_public_key_info()]),
        exporter,
    };
    (Box::new(stream), ends)
}

/// Takes any certificate whose key signs the handshake: whom it belongs to is for the hello to prove.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 alone".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
