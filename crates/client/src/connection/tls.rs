//! TLS 1.3 to a relay, and what ties its hello to this session.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, version::TLS13};
use rustls_pki_types::ServerName;
use sotto_suite::hash::sha256;
use sotto_wire::{EXPORTER_LABEL, TransportEnds};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::ConnectionError;
use super::danger::AnyCertificate;

/// The settings of every connection: TLS 1.3 alone, X25519MLKEM768 preferred, no resumption (each connection shows
/// its certificate, and no ticket links two connections of one client).
pub(super) fn config() -> Result<Arc<ClientConfig>, ConnectionError> {
    let provider: Arc<CryptoProvider> = sotto_suite::tls::provider();
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(ConnectionError::tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Shakes hands over `tcp`.
pub(super) async fn connect(
    tcp: TcpStream,
    host: &str,
) -> Result<(TlsStream<TcpStream>, TransportEnds), ConnectionError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectionError::BadAddress)?;
    let stream = TlsConnector::from(config()?)
        .connect(name, tcp)
        .await
        .map_err(ConnectionError::handshake)?;
    let ends = ends(&stream)?;
    Ok((stream, ends))
}

fn ends(stream: &TlsStream<TcpStream>) -> Result<TransportEnds, ConnectionError> {
    let (_, tls) = stream.get_ref();
    let shown = tls.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or(ConnectionError::Garbage("no certificate"))?;
    let parsed = ParsedCertificate::try_from(shown).map_err(ConnectionError::tls)?;
    let exporter = tls
        .export_keying_material([0; 32], EXPORTER_LABEL, None)
        .map_err(ConnectionError::tls)?;
    Ok(TransportEnds {
        certificate: sha256(&[&parsed.subject_public_key_info()]),
        exporter,
    })
}
