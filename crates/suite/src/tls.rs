//! The cryptography of TLS 1.3, with key agreement that a future quantum computer does not undo.
//!
//! Everything is `ring`'s as `rustls` offers it, except the key agreement: X25519MLKEM768
//! (draft-ietf-tls-ecdhe-mlkem) first, X25519 for peers that do not know it. The two halves are
//! `ring`'s X25519 and the `ml-kem` crate's ML-KEM-768 (FIPS 203); what is done here is to put
//! ML-KEM's part before X25519's, in the client's share, in the server's and in the secret, as the
//! draft says. The secret enters the TLS key schedule, which needs only one of the two to hold.

use core::fmt;
use std::sync::Arc;

use ml_kem::kem::{Decapsulate as _, Encapsulate as _};
use ml_kem::{DecapsulationKey, EncapsulationKey, KeyExport as _, MlKem768, TryKeyInit as _};
use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup,
};
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::{Zeroize as _, Zeroizing};

use crate::rand::{Random as _, SystemRandom};
use crate::xwing::Adapter;

/// Length of an ML-KEM-768 encapsulation key, the client's part.
const ENCAPSULATION_KEY: usize = 1184;
/// Length of an ML-KEM-768 ciphertext, the server's part.
const CIPHERTEXT: usize = 1088;

/// What `rustls` needs, for the relay and for whoever connects to one.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    let ring = rustls::crypto::ring::default_provider();
    let mut kx_groups: Vec<&'static dyn SupportedKxGroup> = vec![&X25519MlKem768];
    kx_groups.extend(ring.kx_groups.iter().copied());
    Arc::new(CryptoProvider { kx_groups, ..ring })
}

struct X25519MlKem768;

impl fmt::Debug for X25519MlKem768 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519MLKEM768")
    }
}

impl SupportedKxGroup for X25519MlKem768 {
    /// The client begins.
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = ml_kem::Seed::default();
        SystemRandom::new().fill(&mut seed);
        let ml_kem = DecapsulationKey::from_seed(seed);
        seed.zeroize();
        let x25519 = X25519.start()?;
        let mut share = ml_kem.encapsulation_key().to_bytes().to_vec();
        share.extend_from_slice(x25519.pub_key());
        Ok(Box::new(Started {
            ml_kem,
            x25519,
            share,
        }))
    }

    /// The server answers, and has the secret.
    fn start_and_complete(&self, client: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (ml_kem, x25519) = split(client, ENCAPSULATION_KEY)?;
        let ml_kem =
            EncapsulationKey::<MlKem768>::new_from_slice(ml_kem).map_err(|_| bad_share())?;
        let x25519 = X25519.start_and_complete(x25519)?;
        let (ciphertext, mut shared) =
            ml_kem.encapsulate_with_rng(&mut Adapter(&mut SystemRandom::new()));
        let secret = join(&shared, &x25519.secret);
        shared.zeroize();
        let pub_key = [ciphertext.as_slice(), &x25519.pub_key].concat();
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key,
            secret,
        })
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// A client's half, waiting for the server's.
struct Started {
    ml_kem: DecapsulationKey<MlKem768>,
    x25519: Box<dyn ActiveKeyExchange>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, server: &[u8]) -> Result<SharedSecret, Error> {
        let (ml_kem, x25519) = split(server, CIPHERTEXT)?;
        // A forged ciphertext gives an unrelated secret, not an error (FIPS 203, section 6.3):
        // the handshake's first protected record then does not open.
        let mut shared = self
            .ml_kem
            .decapsulate_slice(ml_kem)
            .map_err(|_| bad_share())?;
        let secret = join(&shared, &self.x25519.complete(x25519)?);
        shared.zeroize();
        Ok(secret)
    }

    /// X25519 is offered by itself as well, so that an older server costs no round trip.
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.x25519.group(), self.x25519.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, server: &[u8]) -> Result<SharedSecret, Error> {
        self.x25519.complete(server)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

fn join(ml_kem: &[u8], x25519: &SharedSecret) -> SharedSecret {
    let both = Zeroizing::new([ml_kem, x25519.secret_bytes()].concat());
    SharedSecret::from(both.as_slice())
}

/// ML-KEM's part and X25519's 32 bytes; nothing shorter or longer.
fn split(share: &[u8], ml_kem: usize) -> Result<(&[u8], &[u8]), Error> {
    match share.split_at_checked(ml_kem) {
        Some(parts @ (_, x25519)) if x25519.len() == 32 => Ok(parts),
        _ => Err(bad_share()),
    }
}

fn bad_share() -> Error {
    Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{ENCAPSULATION_KEY, X25519, X25519MlKem768, provider};
    use rustls::crypto::SupportedKxGroup as _;
    use rustls::{NamedGroup, ProtocolVersion};

    #[test]
    fn both_ends_agree_and_nobody_else_does() {
        let client = X25519MlKem768.start().unwrap();
        assert_eq!(client.pub_key().len(), 1184 + 32);
        let server = X25519MlKem768.start_and_complete(client.pub_key()).unwrap();
        assert_eq!(server.pub_key.len(), 1088 + 32);
        let secret = client.complete(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes().len(), 64);
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());

        // A change in either half of the server's share gives another secret.
        for at in [0, 1100] {
            let client = X25519MlKem768.start().unwrap();
            let server = X25519MlKem768.start_and_complete(client.pub_key()).unwrap();
            let mut share = server.pub_key.clone();
            share[at] ^= 1;
            let secret = client.complete(&share).unwrap();
            assert_ne!(
                secret.secret_bytes(),
                server.secret.secret_bytes(),
                "at {at}"
            );
        }
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let client = X25519MlKem768.start().unwrap();
        let good = client.pub_key().to_vec();
        for bad in [
            &good[1..],
            &[&good[..], &[0]].concat(),
            &[],
            &good[ENCAPSULATION_KEY..],
        ] {
            assert!(X25519MlKem768.start_and_complete(bad).is_err());
        }
        // Coefficients that are not reduced (FIPS 203, section 7.2).
        let mut unreduced = good.clone();
        unreduced[..ENCAPSULATION_KEY - 32].fill(0xff);
        assert!(X25519MlKem768.start_and_complete(&unreduced).is_err());
        // X25519 with a point of small order.
        let mut small = good;
        small[ENCAPSULATION_KEY..].fill(0);
        assert!(X25519MlKem768.start_and_complete(&small).is_err());
        let server = X25519MlKem768.start_and_complete(client.pub_key()).unwrap();
        assert!(client.complete(&server.pub_key[1..]).is_err());
    }

    #[test]
    fn the_half_that_others_know_is_good_by_itself() {
        let client = X25519MlKem768.start().unwrap();
        let (group, share) = client.hybrid_component().unwrap();
        assert_eq!(group, NamedGroup::X25519);
        assert_eq!(share, &client.pub_key()[ENCAPSULATION_KEY..]);
        let server = X25519.start_and_complete(share).unwrap();
        let secret = client.complete_hybrid_component(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
    }

    #[test]
    fn it_is_for_tls_1_3_alone() {
        assert!(X25519MlKem768.usable_for_version(ProtocolVersion::TLSv1_3));
        assert!(!X25519MlKem768.usable_for_version(ProtocolVersion::TLSv1_2));
    }

    #[test]
    fn it_is_preferred_and_x25519_is_there_for_others() {
        let names: Vec<_> = provider()
            .kx_groups
            .iter()
            .map(|group| group.name())
            .collect();
        assert_eq!(names[..2], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    }
}
