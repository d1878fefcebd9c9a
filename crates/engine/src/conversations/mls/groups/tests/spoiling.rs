//! Our suite in the hands of somebody hostile: one of the HPKE keys that it makes, or one of the texts
//! that it seals to somebody's key, is spoilt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use mls_rs_core::crypto::{
    HpkeCiphertext, HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey,
};
use sotto_suite::provider::{SUITE, SottoCrypto, SottoSuite, SuiteError};
use zeroize::Zeroizing;

#[derive(Clone)]
pub(super) struct Spoiling {
    suite: SottoSuite,
    /// Keys still to be made up to the malformed one.
    keys: Arc<AtomicUsize>,
    sealed: fn(&mut HpkeCiphertext),
}

impl Spoiling {
    /// The `nth` key that it makes is malformed.
    pub(super) fn key(nth: usize) -> Self {
        Self {
            suite: SottoCrypto::new().suite(),
            keys: Arc::new(AtomicUsize::new(nth)),
            sealed: |_| (),
        }
    }

    /// This happens to whatever it seals.
    pub(super) fn seals(spoil: fn(&mut HpkeCiphertext)) -> Self {
        Self {
            sealed: spoil,
            ..Self::key(0)
        }
    }
}

impl CryptoProvider for Spoiling {
    type CipherSuiteProvider = Self;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![SUITE]
    }

    fn cipher_suite_provider(&self, suite: CipherSuite) -> Option<Self> {
        (suite == SUITE).then(|| self.clone())
    }
}

type Wiped = Zeroizing<Vec<u8>>;

/// Methods that only pass on.
macro_rules! pass_on {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {$(
        fn $name(&self, $($arg: $type),*) -> $out {
            self.suite.$name($($arg),*)
        }
    )*};
}

impl CipherSuiteProvider for Spoiling {
    type Error = SuiteError;
    type HpkeContextS = <SottoSuite as CipherSuiteProvider>::HpkeContextS;
    type HpkeContextR = <SottoSuite as CipherSuiteProvider>::HpkeContextR;

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        let (secret, mut public) = self.suite.kem_generate()?;
        if self.keys.fetch_sub(1, Ordering::Relaxed) == 1 {
            // No coefficient of ML-KEM is so large.
            public = vec![0xff; public.len()].into();
        }
        Ok((secret, public))
    }

    fn hpke_seal(
        &self,
        to: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, SuiteError> {
        let mut sealed = self.suite.hpke_seal(to, info, aad, pt)?;
        (self.sealed)(&mut sealed);
        Ok(sealed)
    }

    pass_on! {
        fn cipher_suite() -> CipherSuite;
        fn hash(data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn mac(key: &[u8], data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn aead_seal(key: &[u8], data: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn aead_open(key: &[u8], ct: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Wiped, SuiteError>;
        fn aead_key_size() -> usize;
        fn aead_nonce_size() -> usize;
        fn kdf_extract(salt: &[u8], ikm: &[u8]) -> Result<Wiped, SuiteError>;
        fn kdf_expand(prk: &[u8], info: &[u8], len: usize) -> Result<Wiped, SuiteError>;
        fn kdf_extract_size() -> usize;
        fn hpke_seal_psk(to: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>, pt: &[u8], psk: HpkePsk<'_>) -> Result<HpkeCiphertext, SuiteError>;
        fn hpke_open(ct: &HpkeCiphertext, secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>) -> Result<Wiped, SuiteError>;
        fn hpke_open_psk(ct: &HpkeCiphertext, secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>, psk: HpkePsk<'_>) -> Result<Wiped, SuiteError>;
        fn hpke_setup_s(to: &HpkePublicKey, info: &[u8]) -> Result<(Vec<u8>, Self::HpkeContextS), SuiteError>;
        fn hpke_setup_r(enc: &[u8], secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8]) -> Result<Self::HpkeContextR, SuiteError>;
        fn kem_derive(ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError>;
        fn kem_public_key_validate(key: &HpkePublicKey) -> Result<(), SuiteError>;
        fn random_bytes(out: &mut [u8]) -> Result<(), SuiteError>;
        fn signature_key_generate() -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError>;
        fn signature_key_derive_public(secret: &SignatureSecretKey) -> Result<SignaturePublicKey, SuiteError>;
        fn sign(secret: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn verify(public: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), SuiteError>;
    }
}
