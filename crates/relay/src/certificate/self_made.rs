//! The self-made certificate. Nobody trusts it by itself: clients trust the identity key,
//! which signs the certificate's key in every hello. So it may change at any time.

use minicbor::{Decode, Encode};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use zeroize::{Zeroize as _, Zeroizing};

use crate::data::{DataError, DataFolder};
use crate::store::Seconds;

const FILE: &str = "certificate";
const YEAR: Seconds = 365 * 24 * 60 * 60;
/// Renewed so long before it expires.
const EARLY: Seconds = 30 * 24 * 60 * 60;

/// As it is kept in the data folder.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Kept {
    #[n(0)]
    until: Seconds,
    #[n(1)]
    host: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    certificate: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    key: Vec<u8>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Certificate and key for `host`: the kept ones, or new ones when those are missing, damaged, for
/// another host or about to expire at `now`.
pub(super) fn certificate(
    folder: &DataFolder,
    host: &str,
    now: Seconds,
) -> Result<(CertificateDer<'static>, PrivatePkcs8KeyDer<'static>), DataError> {
    let kept = folder
        .read(FILE)?
        .and_then(|bytes| sotto_wire::decode::<Kept>(&bytes, 64 * 1024).ok());
    let kept = match kept.filter(|kept| kept.host == host && kept.until > now + EARLY) {
        Some(kept) => kept,
        None => {
            let made =
                make(host, now).map_err(|error| DataError::Certificate(error.to_string()))?;
            folder.write(FILE, &Zeroizing::new(sotto_wire::encode(&made)))?;
            made
        }
    };
    Ok((kept.certificate.clone().into(), kept.key.clone().into()))
}

fn make(host: &str, now: Seconds) -> Result<Kept, rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()])?;
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "Sotto relay");
    params.distinguished_name = name;
    let day = |seconds: Seconds| std::time::Duration::from_secs(seconds - seconds % 86_400);
    // A day back, for clients whose clock is slow.
    params.not_before = (std::time::UNIX_EPOCH + day(now.saturating_sub(86_400))).into();
    params.not_after = (std::time::UNIX_EPOCH + day(now + YEAR)).into();
    let certificate = params.self_signed(&key)?;
    Ok(Kept {
        until: now + YEAR - 86_400,
        host: host.to_owned(),
        certificate: certificate.der().to_vec(),
        key: key.serialize_der(),
    })
}
