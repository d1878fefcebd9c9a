//! **Danger: takes any certificate.** Sound only together with [`super::hello`].
//!
//! A relay's certificate is made by itself and may change at will, so there is no authority to ask.
//! What stands in the relay's address is the hash of its identity key. Whoever answers must
//! therefore prove two things, and each is checked in its own place:
//!
//! 1. *It holds the private key of the certificate it showed.* TLS 1.3 makes it sign the handshake
//!    (`CertificateVerify`). That check stays on: [`AnyCertificate`] hands it to `ring` through
//!    rustls, unchanged. TLS 1.2 is refused.
//! 2. *The relay with that identity key says that this certificate's key and this very TLS session
//!    are its own.* In the hello the identity key signs the hash of the certificate's key, the TLS
//!    exporter of this session and a nonce of ours.
//!
//! Somebody in the middle can complete TLS with a certificate of their own, but then has another
//! certificate key and another exporter than the relay at the far end, so no signature of the relay
//! fits ours, and a recorded one does not carry our nonce. Until the hello is verified the client
//! has sent nothing but its versions and that nonce. What the middle learns before it is found out
//! is that a Sotto client dialled; the network sees that anyway.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Accepts every certificate, and only the handshake signature of the one that was shown.
#[derive(Debug)]
pub(super) struct AnyCertificate(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(
            PeerIncompatible::Tls13RequiredForQuic,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
