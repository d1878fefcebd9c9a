//! The MLS cipher suite `0xF0F1`, `SOTTO_128_XWING_FERNET_SHA256_Ed25519`, as
//! mls-rs takes it.
//!
//! | part | what it is |
//! |---|---|
//! | KEM | X-Wing, with the draft's `DeriveKeyPair` |
//! | HPKE | X-Wing, HKDF-SHA256, ChaCha20-Poly1305 |
//! | record cipher | Fernet, one derived key a record ([`crate::record`]) |
//! | hash, KDF, MAC | SHA-256, HKDF, HMAC |
//! | signature | Ed25519; the private key is its 32-byte seed |

mod suite;

pub use crate::record::record_key;
pub use suite::SottoSuite;

use std::sync::{Arc, Mutex, PoisonError};

use mls_rs_core::crypto::{CipherSuite, CryptoProvider};
use mls_rs_core::error::IntoAnyError;
use thiserror::Error;

use crate::fernet::FernetError;
use crate::hpke::HpkeError;
use crate::kdf::KdfError;
use crate::sign::BadSignature;
use crate::{Random, SystemRandom, WrongLength};

/// The suite's number.
pub const SUITE: CipherSuite = CipherSuite::new(crate::record::SUITE_ID);

/// The provider of the one suite. Clones share their source of randomness.
#[derive(Clone)]
pub struct SottoCrypto {
    random: Arc<Mutex<dyn Random>>,
}

impl SottoCrypto {
    /// With the operating system's randomness.
    #[must_use]
    pub fn new() -> Self {
        Self::with_random(SystemRandom::new())
    }

    /// With randomness given, so that a simulation replays: every key, nonce
    /// and length repeats. Fernet's IVs stay the operating system's, so the
    /// bytes of tokens, and what MLS derives from them, do not.
    #[must_use]
    pub fn with_random(random: impl Random + 'static) -> Self {
        Self {
            random: Arc::new(Mutex::new(random)),
        }
    }

    /// The suite itself, for a caller that needs no choice of suites.
    #[must_use]
    pub fn suite(&self) -> SottoSuite {
        SottoSuite::new(self.clone())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut dyn Random) -> T) -> T {
        // A panic elsewhere can't leave a generator in a state that matters.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut *random)
    }
}

impl Default for SottoCrypto {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for SottoCrypto {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SottoCrypto")
    }
}

impl CryptoProvider for SottoCrypto {
    type CipherSuiteProvider = SottoSuite;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![SUITE]
    }

    fn cipher_suite_provider(&self, cipher_suite: CipherSuite) -> Option<SottoSuite> {
        (cipher_suite == SUITE).then(|| self.suite())
    }
}

/// Why an operation of the suite failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SuiteError {
    /// A key or nonce has a length that this suite doesn't use: the caller's
    /// mistake, or a peer's when it came from outside.
    #[error(transparent)]
    WrongLength(#[from] WrongLength),
    /// A record didn't open: the fault of whoever made or changed it.
    #[error(transparent)]
    Record(#[from] FernetError),
    /// Sealing to or opening with a public key failed.
    #[error(transparent)]
    Hpke(#[from] HpkeError),
    /// More key material was asked for than HKDF gives: the caller's mistake.
    #[error(transparent)]
    Kdf(#[from] KdfError),
    /// A signature isn't valid: the fault of whoever sent it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl IntoAnyError for SuiteError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}
