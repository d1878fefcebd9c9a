//! The relay's certificate: self-made, an operator's own, or fetched by ACME. None of them is what
//! a client trusts: that is the identity key, which signs the certificate's key in every hello. So
//! a certificate may change at any time.

pub(crate) mod acme;
mod authority;
mod pem;
mod self_made;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use sotto_suite::hash::sha256;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::CertificateSource;
use crate::data::{DataError, DataFolder};
use crate::store::Seconds;

pub(crate) use pem::read_roots;

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file is missing or not readable.
    #[error("{path}: {error}; the relay's user has to be able to read it")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No PEM block of the kind that is wanted.
    #[error("{path} holds no {wanted} in PEM (a block that begins with -----BEGIN); {hint}")]
    Nothing {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What else it may be.
        hint: &'static str,
    },
    /// Certificate and key do not belong together, or are of a kind that is not spoken.
    #[error("{path}: {why}; set \"certificate\" and \"key\" to the two files of one certificate")]
    Unfit {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Its time is over.
    #[error("{path} expired on {until}; renew it and tell the relay by SIGHUP")]
    Expired {
        /// The certificate's file.
        path: PathBuf,
        /// Its last moment, as a person reads it.
        until: String,
    },
    /// Its time has not come.
    #[error("{path} is good from {from} on; is this machine's clock right?")]
    NotYet {
        /// The certificate's file.
        path: PathBuf,
        /// Its first moment, as a person reads it.
        from: String,
    },
}

/// A certificate with its key, ready for TLS.
#[derive(Clone)]
pub(crate) struct Certified {
    pub(crate) key: Arc<CertifiedKey>,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo, as the hello signs it.
    pub(crate) hash: [u8; 32],
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certified({})", hex::encode(self.hash))
    }
}

impl Certified {
    /// Puts the two together and makes sure that they belong together.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = sotto_suite::tls::provider();
        let key = CertifiedKey::from_der(chain, key, &provider)?;
        let hash = {
            let first = key.end_entity_cert()?;
            sha256(&[&ParsedCertificate::try_from(first)?.subject_public_key_info()])
        };
        let key = Arc::new(key);
        Ok(Self { key, hash })
    }

    /// What stands in it.
    pub(crate) fn about(&self) -> Option<About> {
        About::of(self.key.cert.first()?)
    }

    /// Is it for this host?
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let Some(first) = self.key.cert.first() else {
            return false;
        };
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        ParsedCertificate::try_from(first)
            .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }
}

/// From when to when a certificate is good, in seconds since 1970 and in words.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) from: Seconds,
    pub(crate) until: Seconds,
    pub(crate) from_words: String,
    pub(crate) until_words: String,
}

impl About {
    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        let seconds = |time: i64| Seconds::try_from(time).unwrap_or(0);
        Some(Self {
            from: seconds(validity.not_before.timestamp()),
            until: seconds(validity.not_after.timestamp()),
            from_words: validity.not_before.to_string(),
            until_words: validity.not_after.to_string(),
        })
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Files(#[from] CertificateError),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// The certificate to start with. With ACME that is the one fetched before, or until there is one
/// a self-made one, so that no start waits for anybody.
pub(crate) fn to_start_with(
    source: &CertificateSource,
    folder: &DataFolder,
    host: &str,
    now: Seconds,
) -> Result<Certified, Missing> {
    match source {
        CertificateSource::SelfMade => self_made(folder, host, now),
        CertificateSource::Files { certificate, key } => {
            let certified = pem::read(certificate, key)?;
            if let Err(error) = in_time(&certified, certificate, now) {
                // Devices trust the identity key and go on; a start that fails would cut off all.
                tracing::warn!(%error, "the certificate is out of its time; browsers will refuse it");
            }
            if !certified.is_for(host) {
                tracing::warn!(
                    host,
                    "the certificate is for another host; browsers will refuse it"
                );
            }
            Ok(certified)
        }
        CertificateSource::Acme(_) => match acme::kept(folder, host, now)? {
            Some(certified) => Ok(certified),
            None => self_made(folder, host, now),
        },
    }
}

/// The operator's files, again; out of its time is refused, because the one in use is better.
pub(crate) fn again(
    certificate: &std::path::Path,
    key: &std::path::Path,
    now: Seconds,
) -> Result<Certified, CertificateError> {
    let certified = pem::read(certificate, key)?;
    in_time(&certified, certificate, now)?;
    Ok(certified)
}

/// The self-made one.
pub(crate) fn self_made(
    folder: &DataFolder,
    host: &str,
    now: Seconds,
) -> Result<Certified, Missing> {
    let (certificate, key) = self_made::certificate(folder, host, now)?;
    Ok(Certified::new(vec![certificate], key.into())?)
}

/// Is its time now?
pub(crate) fn in_time(
    certified: &Certified,
    path: &std::path::Path,
    now: Seconds,
) -> Result<(), CertificateError> {
    let Some(about) = certified.about() else {
        return Ok(());
    };
    let path = path.to_path_buf();
    if about.until < now {
        let until = about.until_words;
        return Err(CertificateError::Expired { path, until });
    }
    if about.from > now {
        let from = about.from_words;
        return Err(CertificateError::NotYet { path, from });
    }
    Ok(())
}
