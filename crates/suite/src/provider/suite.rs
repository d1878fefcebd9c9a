//! The suite's operations: each a call to the module that has it.

use mls_rs_core::crypto::{
    CipherSuite, CipherSuiteProvider, HpkeCiphertext, HpkeContextR, HpkeContextS, HpkePsk,
    HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey,
};
use ring::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use super::{SUITE, SottoCrypto, SuiteError};
use crate::hpke::{self, Psk, Receiver, Sender};
use crate::record::{self, KEY_LEN, NONCE_LEN};
use crate::xwing;
use crate::{SealingKey, Secret, SigningKey, WrongLength, hash, kdf, sign};

/// The operations of the suite `0xF0F1`. Made by [`SottoCrypto`]; cheap to clone.
#[derive(Clone, Debug)]
pub struct SottoSuite {
    crypto: SottoCrypto,
}

impl SottoSuite {
    pub(super) fn new(crypto: SottoCrypto) -> Self {
        Self { crypto }
    }
}

type Wiped = Zeroizing<Vec<u8>>;

impl CipherSuiteProvider for SottoSuite {
    type Error = SuiteError;
    type HpkeContextS = Sender;
    type HpkeContextR = Receiver;

    fn cipher_suite(&self) -> CipherSuite {
        SUITE
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        Ok(hash::sha256(&[data]).to_vec())
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        let key = hmac::Key::new(HMAC_SHA256, key);
        Ok(hmac::sign(&key, data).as_ref().to_vec())
    }

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, SuiteError> {
        let (key, nonce) = record_args(key, nonce)?;
        Ok(record::seal(&key, nonce, aad.unwrap_or_default(), data))
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Wiped, SuiteError> {
        let (key, nonce) = record_args(key, nonce)?;
        Ok(record::open(
            &key,
            nonce,
            aad.unwrap_or_default(),
            ciphertext,
        )?)
    }

    fn aead_key_size(&self) -> usize {
        KEY_LEN
    }

    fn aead_nonce_size(&self) -> usize {
        NONCE_LEN
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Wiped, SuiteError> {
        Ok(wiped(kdf::extract(salt, ikm).expose()))
    }

    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Wiped, SuiteError> {
        // Checked before allocating what the caller asks for.
        if len > kdf::MAX_EXPAND {
            return Err(kdf::KdfError::TooLong(len).into());
        }
        let mut out = Zeroizing::new(vec![0; len]);
        kdf::expand_slice(prk, &[info], &mut out)?;
        Ok(out)
    }

    fn kdf_extract_size(&self) -> usize {
        32
    }

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, SuiteError> {
        self.seal_to(remote_key, info, aad, pt, None)
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, SuiteError> {
        self.seal_to(remote_key, info, aad, pt, Some(psk))
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        _local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Wiped, SuiteError> {
        open_with(ciphertext, local_secret, info, aad, None)
    }

    fn hpke_open_psk(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        _local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        psk: HpkePsk<'_>,
    ) -> Result<Wiped, SuiteError> {
        open_with(ciphertext, local_secret, info, aad, Some(psk))
    }

    fn hpke_setup_s(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
    ) -> Result<(Vec<u8>, Sender), SuiteError> {
        let setup = self
            .crypto
            .with(|random| hpke::setup_sender(remote_key, info, None, random));
        Ok(setup?)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        _local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Receiver, SuiteError> {
        let key = sealing_key(local_secret)?;
        Ok(hpke::setup_receiver(&key, kem_output, info, None)?)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        Ok(key_pair(&SealingKey::derive(ikm)))
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        Ok(key_pair(&self.crypto.with(SealingKey::generate)))
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), SuiteError> {
        xwing::parse(key).map_err(hpke::HpkeError::from)?;
        Ok(())
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), SuiteError> {
        self.crypto.with(|random| random.fill(out));
        Ok(())
    }

    fn signature_key_generate(
        &self,
    ) -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError> {
        let seed = Secret::fill(|out| self.crypto.with(|random| random.fill(out)));
        let key = SigningKey::from_seed(&seed);
        Ok((
            SignatureSecretKey::new_slice(seed.expose()),
            SignaturePublicKey::new_slice(key.public().as_bytes()),
        ))
    }

    fn signature_key_derive_public(
        &self,
        secret_key: &SignatureSecretKey,
    ) -> Result<SignaturePublicKey, SuiteError> {
        let key = signing_key(secret_key)?;
        Ok(SignaturePublicKey::new_slice(key.public().as_bytes()))
    }

    fn sign(&self, secret_key: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        Ok(signing_key(secret_key)?.sign(data).as_bytes().to_vec())
    }

    fn verify(
        &self,
        public_key: &SignaturePublicKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<(), SuiteError> {
        Ok(sign::verify_slices(public_key, data, signature)?)
    }
}

impl SottoSuite {
    fn seal_to(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: Option<HpkePsk<'_>>,
    ) -> Result<HpkeCiphertext, SuiteError> {
        let (kem_output, mut sender) = self
            .crypto
            .with(|random| hpke::setup_sender(remote_key, info, psk.map(our_psk), random))?;
        Ok(HpkeCiphertext {
            kem_output,
            ciphertext: sender.seal(aad.unwrap_or_default(), pt)?,
        })
    }
}

fn open_with(
    ciphertext: &HpkeCiphertext,
    local_secret: &HpkeSecretKey,
    info: &[u8],
    aad: Option<&[u8]>,
    psk: Option<HpkePsk<'_>>,
) -> Result<Wiped, SuiteError> {
    let key = sealing_key(local_secret)?;
    let mut receiver = hpke::setup_receiver(&key, &ciphertext.kem_output, info, psk.map(our_psk))?;
    Ok(receiver.open(aad.unwrap_or_default(), &ciphertext.ciphertext)?)
}

fn our_psk(psk: HpkePsk<'_>) -> Psk<'_> {
    Psk {
        id: psk.id,
        value: psk.value,
    }
}

fn record_args<'a>(
    key: &[u8],
    nonce: &'a [u8],
) -> Result<(Secret<KEY_LEN>, &'a [u8; NONCE_LEN]), WrongLength> {
    let nonce = nonce.try_into().map_err(|_| WrongLength {
        expected: NONCE_LEN,
        actual: nonce.len(),
    })?;
    Ok((Secret::from_slice(key)?, nonce))
}

fn sealing_key(secret: &HpkeSecretKey) -> Result<SealingKey, WrongLength> {
    Ok(SealingKey::from_seed(&Secret::from_slice(secret)?))
}

fn signing_key(secret: &SignatureSecretKey) -> Result<SigningKey, WrongLength> {
    Ok(SigningKey::from_seed(&Secret::from_slice(secret)?))
}

fn key_pair(key: &SealingKey) -> (HpkeSecretKey, HpkePublicKey) {
    (
        key.seed().expose().to_vec().into(),
        key.public().as_bytes().to_vec().into(),
    )
}

fn wiped(bytes: &[u8]) -> Wiped {
    Zeroizing::new(bytes.to_vec())
}

impl HpkeContextS for Sender {
    type Error = SuiteError;

    fn seal(&mut self, aad: Option<&[u8]>, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        Ok(Sender::seal(self, aad.unwrap_or_default(), data)?)
    }

    fn export(&self, exporter_context: &[u8], len: usize) -> Result<Wiped, SuiteError> {
        Ok(Sender::export(self, exporter_context, len)?)
    }
}

impl HpkeContextR for Receiver {
    type Error = SuiteError;

    fn open(&mut self, aad: Option<&[u8]>, ciphertext: &[u8]) -> Result<Wiped, SuiteError> {
        Ok(Receiver::open(self, aad.unwrap_or_default(), ciphertext)?)
    }

    fn export(&self, exporter_context: &[u8], len: usize) -> Result<Wiped, SuiteError> {
        Ok(Receiver::export(self, exporter_context, len)?)
    }
}
