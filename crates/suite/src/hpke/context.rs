//! Contexts (RFC 9180 section 5.2): several messages and exported secrets under
//! one encapsulation.

use core::fmt;

use zeroize::Zeroizing;

use super::HpkeError;
use super::schedule::{SuiteId, labeled_expand};
use crate::Secret;
use crate::aead::AeadKey;

/// What both sides hold after the key schedule.
pub(super) struct Context {
    suite: SuiteId,
    key: AeadKey,
    base_nonce: Secret<12>,
    exporter: Secret<32>,
    /// Number of the next message; `None` once all are used.
    next: Option<u64>,
}

impl Context {
    pub(super) fn new(
        suite: SuiteId,
        key: AeadKey,
        base_nonce: Secret<12>,
        exporter: Secret<32>,
    ) -> Self {
        Self {
            suite,
            key,
            base_nonce,
            exporter,
            next: Some(0),
        }
    }

    /// `ComputeNonce` of the next message, and its number.
    fn nonce(&self) -> Result<([u8; 12], u64), HpkeError> {
        let number = self.next.ok_or(HpkeError::UsedUp)?;
        let mut nonce = *self.base_nonce.expose();
        for (byte, count) in nonce
            .iter_mut()
            .rev()
            .zip(number.to_be_bytes().iter().rev())
        {
            *byte ^= count;
        }
        Ok((nonce, number))
    }

    fn export(&self, context: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        // Checked before allocating what a caller asks for.
        if len > crate::kdf::MAX_EXPAND {
            return Err(HpkeError::ExportTooLong);
        }
        let mut out = Zeroizing::new(vec![0; len]);
        labeled_expand(self.suite, &self.exporter, b"sec", context, &mut out)?;
        Ok(out)
    }
}

/// The sender's side.
pub struct Sender(pub(super) Context);

impl Sender {
    /// Seals the next message: ciphertext ‖ tag, 16 bytes longer than `plain`.
    ///
    /// # Errors
    /// [`HpkeError::UsedUp`] after 2^64 messages.
    pub fn seal(&mut self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, HpkeError> {
        let (nonce, number) = self.0.nonce()?;
        self.0.next = number.checked_add(1);
        Ok(self.0.key.seal(nonce, aad, plain))
    }

    /// A secret of `len` bytes that the receiver can export too (section 5.3).
    ///
    /// # Errors
    /// [`HpkeError::ExportTooLong`] above 8,160 bytes.
    pub fn export(&self, context: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        self.0.export(context, len)
    }
}

/// The receiver's side.
pub struct Receiver(pub(super) Context);

impl Receiver {
    /// Opens the next message. A message that doesn't open doesn't count, so
    /// the genuine one can still follow.
    ///
    /// # Errors
    /// [`HpkeError::OpenFailed`]; [`HpkeError::UsedUp`] after 2^64 messages.
    pub fn open(&mut self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let (nonce, number) = self.0.nonce()?;
        let plain = self
            .0
            .key
            .open(nonce, aad, sealed)
            .map_err(|_| HpkeError::OpenFailed)?;
        self.0.next = number.checked_add(1);
        Ok(plain)
    }

    /// A secret of `len` bytes that the sender can export too (section 5.3).
    ///
    /// # Errors
    /// [`HpkeError::ExportTooLong`] above 8,160 bytes.
    pub fn export(&self, context: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        self.0.export(context, len)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender(redacted)")
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver(redacted)")
    }
}
