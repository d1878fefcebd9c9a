//! The key schedule (RFC 9180 section 5.1) and the labelled KDF below it (section 4).

use ring::hmac::{self, HMAC_SHA256};

use super::HpkeError;
use super::context::Context;
use crate::aead::AeadKey;
use crate::{Secret, kdf};

/// A pre-shared key for PSK mode: both sides have it from elsewhere.
#[derive(Clone, Copy)]
pub struct Psk<'a> {
    /// Its name, not secret, not empty.
    pub id: &'a [u8],
    /// Its bytes, at least 32.
    pub value: &'a [u8],
}

impl core::fmt::Debug for Psk<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Psk(redacted)")
    }
}

/// `"HPKE" ‖ kem_id ‖ kdf_id ‖ aead_id`: goes into every derivation.
#[derive(Clone, Copy, Debug)]
pub(super) struct SuiteId([u8; 10]);

impl SuiteId {
    pub(super) const fn new(kem: u16, kdf: u16, aead: u16) -> Self {
        let [a, b] = kem.to_be_bytes();
        let [c, d] = kdf.to_be_bytes();
        let [e, f] = aead.to_be_bytes();
        Self([b'H', b'P', b'K', b'E', a, b, c, d, e, f])
    }
}

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0x00;
const MODE_PSK: u8 = 0x01;

/// `KeySchedule` for base and PSK mode.
///
/// # Errors
/// [`HpkeError::BadPsk`].
pub(super) fn key_schedule(
    suite: SuiteId,
    shared: &Secret<32>,
    info: &[u8],
    psk: Option<Psk<'_>>,
) -> Result<Context, HpkeError> {
    let mode = match &psk {
        None => MODE_BASE,
        Some(psk) if psk.value.len() < 32 || psk.id.is_empty() => return Err(HpkeError::BadPsk),
        Some(_) => MODE_PSK,
    };
    let psk = psk.unwrap_or(Psk {
        id: b"",
        value: b"",
    });

    let psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", psk.id);
    let info_hash = labeled_extract(suite, b"", b"info_hash", info);
    let secret = labeled_extract(suite, shared.expose(), b"secret", psk.value);

    let expander = Expander::new(suite, &secret);
    let context: [&[u8]; 3] = [&[mode], psk_id_hash.expose(), info_hash.expose()];
    let key = Secret::<32>::fill(|out| expander.fill(b"key", &context, out));
    let base_nonce = Secret::<12>::fill(|out| expander.fill(b"base_nonce", &context, out));
    let exporter = Secret::<32>::fill(|out| expander.fill(b"exp", &context, out));
    Ok(Context::new(
        suite,
        AeadKey::new(&key),
        base_nonce,
        exporter,
    ))
}

/// `LabeledExtract` (section 4).
fn labeled_extract(suite: SuiteId, salt: &[u8], label: &[u8], ikm: &[u8]) -> Secret<32> {
    kdf::extract_parts(salt, &[VERSION, &suite.0, label, ikm])
}

/// `LabeledExpand` (section 4) into `out`.
///
/// # Errors
/// [`HpkeError::ExportTooLong`] when `out` is longer than HKDF can give.
pub(super) fn labeled_expand(
    suite: SuiteId,
    prk: &Secret<32>,
    label: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), HpkeError> {
    let length = u16::try_from(out.len()).map_err(|_| HpkeError::ExportTooLong)?;
    let info: [&[u8]; 5] = [&length.to_be_bytes(), VERSION, &suite.0, label, info];
    kdf::expand(prk, &info, out).map_err(|_| HpkeError::ExportTooLong)
}

/// `LabeledExpand` for outputs of one block, several times from one secret:
/// the HMAC key is prepared once.
struct Expander {
    suite: SuiteId,
    key: hmac::Key,
}

impl Expander {
    fn new(suite: SuiteId, prk: &Secret<32>) -> Self {
        Self {
            suite,
            key: hmac::Key::new(HMAC_SHA256, prk.expose()),
        }
    }

    /// Fills at most 32 bytes.
    fn fill<const N: usize>(&self, label: &[u8], info: &[&[u8]], out: &mut [u8; N]) {
        const { assert!(N <= 32, "one block of HKDF") };
        #[allow(clippy::cast_possible_truncation, reason = "N is at most 32")]
        let length = (N as u16).to_be_bytes();
        let mut context = hmac::Context::with_key(&self.key);
        for part in [&length[..], VERSION, &self.suite.0, label] {
            context.update(part);
        }
        for part in info {
            context.update(part);
        }
        context.update(&[1]);
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
    }
}
