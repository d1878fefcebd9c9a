//! Bytes that are wiped when dropped, never printed, and compared in constant time.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes on the heap.
///
/// Boxed, so that moving the value moves a pointer and leaves no copy of the
/// bytes behind on the stack. Dropping it overwrites the bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

/// The caller handed over a slice of another length than the secret has.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected {expected} bytes, got {actual}")]
pub struct WrongLength {
    /// Bytes the type holds.
    pub expected: usize,
    /// Bytes that were given.
    pub actual: usize,
}

impl<const N: usize> Secret<N> {
    /// Takes over `bytes` and wipes the argument. A copy that the caller keeps
    /// is the caller's to wipe; to avoid one, write through [`Secret::fill`].
    #[must_use]
    pub fn new(mut bytes: [u8; N]) -> Self {
        let secret = Self(Box::new(bytes));
        bytes.zeroize();
        secret
    }

    /// Lets `write` put the bytes straight into their final place.
    pub fn fill(write: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        write(&mut secret.0);
        secret
    }

    /// Copies a slice of exactly `N` bytes.
    ///
    /// # Errors
    /// [`WrongLength`] when the slice has another length: the caller's mistake,
    /// or a peer's when the slice came from outside.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, WrongLength> {
        if bytes.len() != N {
            return Err(WrongLength {
                expected: N,
                actual: bytes.len(),
            });
        }
        Ok(Self::fill(|out| out.copy_from_slice(bytes)))
    }

    /// The bytes. The name marks every place where a secret leaves its wrapper.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(redacted)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Secret, WrongLength};

    #[test]
    fn takes_exactly_its_length() {
        assert_eq!(
            Secret::<4>::from_slice(&[1, 2, 3]),
            Err(WrongLength {
                expected: 4,
                actual: 3
            })
        );
        let secret = Secret::<4>::from_slice(&[1, 2, 3, 4]).unwrap();
        assert_eq!(secret.expose(), &[1, 2, 3, 4]);
    }

    #[test]
    fn compares_by_content() {
        assert_eq!(Secret::new([7; 32]), Secret::new([7; 32]));
        let mut other = [7; 32];
        other[31] ^= 1;
        assert_ne!(Secret::new([7; 32]), Secret::new(other));
    }
}
