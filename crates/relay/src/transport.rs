//! The bytes below HTTP: TLS 1.3, or nothing on loopback.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sotto_wire::{EXPORTER_LABEL, TransportEnds};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::Certified;
use crate::certificate::acme::Challenge;

/// What an authority asks for that wants to see the answer to its challenge (RFC 8737).
const ACME: &[u8] = b"acme-tls/1";
use crate::patience::Patient;

/// Bytes of a client's TLS handshake. A hello with both key shares takes less than 2 KiB; TLS itself
/// would let one of 64 KiB come, and keep it.
const MAX_HANDSHAKE: usize = 16 * 1024;

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
    Plain(Patient<TcpStream>),
    Tls(Box<TlsStream<Patient<TcpStream>>>),
}

impl Acceptor {
    /// TLS 1.3 with this certificate; sessions are not resumed, so every connection proves itself
    /// anew. With a challenge, authorities that ask for it are shown its answer.
    pub(crate) fn tls(
        certified: Certified,
        challenge: Option<Arc<Challenge>>,
    ) -> Result<Self, rustls::Error> {
        let provider = sotto_suite::tls::provider();
        let mut protocols = vec![b"http/1.1".to_vec()];
        protocols.extend(challenge.is_some().then(|| ACME.to_vec()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Shown {
                certificate: certified.key,
                challenge,
            }));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.alpn_protocols = protocols;
        Ok(Self::Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: certified.hash,
        })
    }

    /// Takes a TCP connection on, and says what TLS knows of its two ends. Writing to it fails when
    /// its other end takes nothing for as long as `patience`.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        patience: Duration,
    ) -> io::Result<(Transport, TransportEnds)> {
        // A chat's messages are small and wanted now.
        stream.set_nodelay(true)?;
        let stream = Patient::new(stream, patience);
        match self {
            Self::Plain => Ok((Transport::Plain(stream), TransportEnds::NONE)),
            Self::Tls {
                acceptor,
                certificate,
            } => {
                let mut stream = acceptor.accept(stream.unproven(MAX_HANDSHAKE)).await?;
                let (below, session) = stream.get_mut();
                below.prove();
                if session.alpn_protocol() == Some(ACME) {
                    // The authority has seen what it wanted.
                    return Err(io::Error::other("an authority's challenge"));
                }
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

/// Which certificate is shown to whom.
#[derive(Debug)]
struct Shown {
    certificate: Arc<CertifiedKey>,
    challenge: Option<Arc<Challenge>>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello
            .alpn()
            .is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME));
        match &self.challenge {
            Some(challenge) if asked => challenge.answer(),
            _ => Some(Arc::clone(&self.certificate)),
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
