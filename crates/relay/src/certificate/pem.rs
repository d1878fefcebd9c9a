//! Certificates and keys in PEM files.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::{CertificateError, Certified};

/// Larger ones are no certificate.
const LARGEST: u64 = 1 << 20;

/// Certificate with those in between, and key.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<Certified, CertificateError> {
    let chain = certificates(certificate)?;
    let text = bytes(key)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| CertificateError::Nothing {
        path: key.into(),
        wanted: "private key",
        hint: "a key under a passphrase can't be read either: store it without one, for the relay's user alone",
    })?;
    Certified::new(chain, private).map_err(|error| CertificateError::Unfit {
        path: certificate.into(),
        why: match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("the key {} is another certificate's", key.display())
            }
            other => other.to_string(),
        },
    })
}

/// Certificate and key in one text, as ACME's are kept.
pub(super) fn parse(text: &[u8]) -> Option<Certified> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .ok()?;
    Certified::new(chain, PrivateKeyDer::from_pem_slice(text).ok()?).ok()
}

/// Certificates of authorities.
pub(crate) fn read_roots(path: &Path) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(path)?);
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = bytes(path)?;
    let all = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(CertificateError::Nothing {
            path: path.into(),
            wanted: "certificate",
            hint: "is it the key's file, or in another format?",
        }),
    }
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let unreadable = |error| CertificateError::Unreadable {
        path: path.into(),
        error,
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if about.len() > LARGEST {
        return Err(unreadable(std::io::Error::other("too large for one")));
    }
    std::fs::read(path).map(Zeroizing::new).map_err(unreadable)
}
