//! Our suite with a tap on the record cipher: a test sees the keys that MLS
//! uses, as nobody outside the group can.

use std::sync::{Arc, Mutex};

use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use mls_rs_core::crypto::{
    HpkeCiphertext, HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey,
};
use sotto_suite::FernetKey;
use sotto_suite::provider::{SUITE, SottoCrypto, SottoSuite, SuiteError, record_key};
use zeroize::Zeroizing;

/// One sealed record.
pub(crate) struct Sealed {
    pub(crate) key: FernetKey,
    pub(crate) plain: Vec<u8>,
    pub(crate) token: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Tapped {
    suite: SottoSuite,
    pub(crate) sealed: Arc<Mutex<Vec<Sealed>>>,
}

impl Tapped {
    pub(crate) fn new() -> Self {
        Self {
            suite: SottoCrypto::new().suite(),
            sealed: Arc::default(),
        }
    }
}

impl CryptoProvider for Tapped {
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

impl CipherSuiteProvider for Tapped {
    type Error = SuiteError;
    type HpkeContextS = <SottoSuite as CipherSuiteProvider>::HpkeContextS;
    type HpkeContextR = <SottoSuite as CipherSuiteProvider>::HpkeContextR;

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, SuiteError> {
        let token = self.suite.aead_seal(key, data, aad, nonce)?;
        self.sealed.lock().unwrap().push(Sealed {
            key: record_key(key, nonce, aad.unwrap_or_default()),
            plain: data.to_vec(),
            token: token.clone(),
        });
        Ok(token)
    }

    pass_on! {
        fn cipher_suite() -> CipherSuite;
        fn hash(data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn mac(key: &[u8], data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn aead_open(key: &[u8], ct: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Wiped, SuiteError>;
        fn aead_key_size() -> usize;
        fn aead_nonce_size() -> usize;
        fn kdf_extract(salt: &[u8], ikm: &[u8]) -> Result<Wiped, SuiteError>;
        fn kdf_expand(prk: &[u8], info: &[u8], len: usize) -> Result<Wiped, SuiteError>;
        fn kdf_extract_size() -> usize;
        fn hpke_seal(to: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>, pt: &[u8]) -> Result<HpkeCiphertext, SuiteError>;
        fn hpke_seal_psk(to: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>, pt: &[u8], psk: HpkePsk<'_>) -> Result<HpkeCiphertext, SuiteError>;
        fn hpke_open(ct: &HpkeCiphertext, secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>) -> Result<Wiped, SuiteError>;
        fn hpke_open_psk(ct: &HpkeCiphertext, secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8], aad: Option<&[u8]>, psk: HpkePsk<'_>) -> Result<Wiped, SuiteError>;
        fn hpke_setup_s(to: &HpkePublicKey, info: &[u8]) -> Result<(Vec<u8>, Self::HpkeContextS), SuiteError>;
        fn hpke_setup_r(enc: &[u8], secret: &HpkeSecretKey, public: &HpkePublicKey, info: &[u8]) -> Result<Self::HpkeContextR, SuiteError>;
        fn kem_derive(ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError>;
        fn kem_generate() -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError>;
        fn kem_public_key_validate(key: &HpkePublicKey) -> Result<(), SuiteError>;
        fn random_bytes(out: &mut [u8]) -> Result<(), SuiteError>;
        fn signature_key_generate() -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError>;
        fn signature_key_derive_public(secret: &SignatureSecretKey) -> Result<SignaturePublicKey, SuiteError>;
        fn sign(secret: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, SuiteError>;
        fn verify(public: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), SuiteError>;
    }
}
