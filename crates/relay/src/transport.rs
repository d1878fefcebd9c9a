//! The bytes below HTTP: TLS 1.3, or nothing on loopback.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sotto_suite::hash::sha256;
use sotto_wire::{EXPORTER_LABEL, TransportEnds};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How connections are accepted.
#[derive(Clone)]
pub(crate) enum Acceptor {
    /// WebSocket over TCP as it is.
    Plain,
    /// TLS 1.3 with the certificate whose key has this hash.
    Tls {
        acceptor: TlsAcceptor,
        certificate: [u8; 32],
    },
}

/// An accepted connection.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Acceptor {
    /// TLS 1.3 with this certificate; sessions are not resumed, so every connection proves itself anew.
    pub(crate) fn tls(
        certificate: CertificateDer<'static>,
        key: PrivatePkcs8KeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = sotto_suite::tls::provider();
        let key = provider.key_provider.load_private_key(key.into())?;
        let spki = key.public_key().ok_or(rustls::Error::General(
            "a key without its public half".into(),
        ))?;
        let hash = sha256(&[&spki]);
        let certified = rustls::sign::CertifiedKey::new(vec![certificate], key);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: hash,
        })
    }

    /// Takes a TCP connection on, and says what TLS knows of its two ends.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(Transport, TransportEnds)> {
        // A chat's messages are small and wanted now.
        stream.set_nodelay(true)?;
        match self {
            Self::Plain => Ok((Transport::Plain(stream), TransportEnds::NONE)),
            Self::Tls {
                acceptor,
                certificate,
            } => {
                let mut stream = acceptor.accept(stream).await?;
                let (_, session) = stream.get_mut();
                session.set_buffer_limit(Some(64 * 1024));
                let exporter = session
                    .export_keying_material([0; 32], EXPORTER_LABEL, None)
                    .map_err(io::Error::other)?;
                Ok((
                    Transport::Tls(Box::new(stream)),
                    TransportEnds {
                        certificate: *certificate,
                        exporter,
                    },
                ))
            }
        }
    }
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain($stream) => $call,
            Self::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
