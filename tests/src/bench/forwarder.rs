//! The peer: the same hops with nothing in them. A command reaches the sender's thread through a
//! queue, crosses TLS and a WebSocket to a forwarder, TLS and a WebSocket again, and comes out of
//! the receiver's thread as a broadcast. Nothing is kept and nothing encrypted end to end.

use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, version::TLS13};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

/// As large as the frame that carries a short text: an envelope of 1 KiB and what is around it.
pub const FRAME: usize = 1024 + 130;

pub struct Forwarder {
    commands: mpsc::Sender<Bytes>,
    events: broadcast::Receiver<Arc<Bytes>>,
    threads: Vec<JoinHandle<()>>,
}

/// The clients' and the relay's own buffers.
fn buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
}

fn thread<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(work());
    })
}

impl Forwarder {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["localhost".into()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let certificate = certificate.der().clone();
        let (address, forwarder) = forward(certificate.clone(), key.serialize_der());
        let (commands, mut waiting) = mpsc::channel::<Bytes>(512);
        let (publish, events) = broadcast::channel(4096);
        let roots = certificate.clone();
        // The forwarder takes the receiver first.
        let (ready, go) = std::sync::mpsc::channel();
        let receiver = thread(move || async move {
            let mut socket = connect(address, roots).await;
            ready.send(()).unwrap();
            while let Some(Ok(Message::Binary(bytes))) = socket.next().await {
                let _ = publish.send(Arc::new(bytes));
            }
        });
        go.recv().unwrap();
        let sender = thread(move || async move {
            let mut socket = connect(address, certificate).await;
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, 256).await > 0 {
                for bytes in batch.drain(..) {
                    socket.feed(Message::Binary(bytes)).await.unwrap();
                }
                socket.flush().await.unwrap();
            }
            let _ = socket.close(None).await;
        });
        Self {
            commands,
            events,
            threads: vec![sender, forwarder, receiver],
        }
    }

    pub async fn send(&self, number: u64) {
        let mut frame = vec![0; FRAME];
        frame[..8].copy_from_slice(&number.to_be_bytes());
        self.commands.send(frame.into()).await.unwrap();
    }

    pub async fn event(&mut self) -> u64 {
        let frame = self.events.recv().await.unwrap();
        u64::from_be_bytes(frame[..8].try_into().unwrap())
    }

    pub async fn end(self) {
        let Self {
            commands, threads, ..
        } = self;
        drop(commands);
        let join = || {
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap())
        };
        tokio::task::spawn_blocking(join).await.unwrap();
    }
}

/// Two connections; what the second says, the first hears.
fn forward(
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
) -> (std::net::SocketAddr, JoinHandle<()>) {
    let (say, hear) = std::sync::mpsc::channel();
    let work = move || {
        // A runtime like the relay's.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            say.send(listener.local_addr().unwrap()).unwrap();
            let provider = sotto_suite::tls::provider();
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into())
                .unwrap();
            config.send_tls13_tickets = 0;
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let mut receiver = accept(&listener, &acceptor).await;
            let mut sender = accept(&listener, &acceptor).await;
            let passing = tokio::spawn(async move {
                while let Some(Ok(message)) = sender.next().await {
                    if message.is_close() {
                        break;
                    }
                    receiver.feed(message).await.unwrap();
                    // Whatever has come already leaves in one write, as at the relay.
                    while let Some(Some(Ok(more))) =
                        futures_util::FutureExt::now_or_never(sender.next())
                    {
                        if more.is_close() {
                            break;
                        }
                        receiver.feed(more).await.unwrap();
                    }
                    receiver.flush().await.unwrap();
                }
                let _ = receiver.close(None).await;
            });
            passing.await.unwrap();
        });
    };
    let thread = std::thread::spawn(work);
    (hear.recv().unwrap(), thread)
}

async fn accept(
    listener: &TcpListener,
    acceptor: &TlsAcceptor,
) -> WebSocketStream<tokio_rustls::server::TlsStream<TcpStream>> {
    let (tcp, _) = listener.accept().await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let tls = acceptor.accept(tcp).await.unwrap();
    accept_async_with_config(tls, Some(buffers()))
        .await
        .unwrap()
}

async fn connect(
    address: std::net::SocketAddr,
    certificate: CertificateDer<'static>,
) -> WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = sotto_suite::tls::provider();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let tls = connector.connect(name, tcp).await.unwrap();
    let request = "wss://localhost/";
    let connected =
        tokio_tungstenite::client_async_with_config(request, tls, Some(buffers())).await;
    connected.unwrap().0
}
