//! What HTTP says of blobs: their path, the key to upload, ranges, and the steps of their size.

use std::fmt;

use sotto_suite::hash::sha256;
use sotto_suite::{Random, RandomExt as _, Secret};

use crate::{BlobId, limits};

/// A request about a blob that is not in the one spelling taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Not 32 lower-case hex digits.
    #[error("not a blob's name")]
    Name,
    /// Not a key to upload.
    #[error("not a key to upload")]
    Key,
    /// Bytes that the blob does not have; to be answered with its size.
    #[error("no such bytes in this blob")]
    Range,
}

/// Path of a blob on its relay: `/b/` and 32 lower-case hex digits.
pub fn blob_path(blob: &BlobId) -> String {
    format!("/b/{blob}")
}

/// 32 lower-case hex digits. In a log a blob is named by its `Debug` alone, which is too little to
/// fetch it.
impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for BlobId {
    type Err = BlobError;

    fn from_str(text: &str) -> Result<Self, BlobError> {
        lower_hex(text).map(Self).ok_or(BlobError::Name)
    }
}

/// Exactly `N` bytes in lower-case hex: one spelling, so that one thing has one name.
fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut out = [0; N];
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}

/// Lets whoever knows it put bytes into one blob. The relay keeps its hash; it crosses TLS in the
/// `Authorization` header of each part.
pub struct UploadKey(Secret<32>);

impl UploadKey {
    /// A fresh key, for one blob.
    pub fn random(random: &mut dyn Random) -> Self {
        Self(random.secret())
    }

    /// A key kept from before.
    pub fn from_secret(key: Secret<32>) -> Self {
        Self(key)
    }

    /// What the relay is told when the blob is made.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"sotto blob upload v1", self.0.expose()])
    }

    /// The value of the `Authorization` header (RFC 6750, section 2.1): `Bearer` and 64 hex digits.
    pub fn authorization(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::from("Bearer ");
        for byte in self.0.expose() {
            // Writing into a String does not fail.
            let _ = write!(out, "{byte:02x}");
        }
        out
    }

    /// Reads an `Authorization` header.
    ///
    /// # Errors
    /// [`BlobError::Key`].
    pub fn from_authorization(value: &str) -> Result<Self, BlobError> {
        let digits = value.strip_prefix("Bearer ").ok_or(BlobError::Key)?;
        lower_hex(digits)
            .map(|bytes| Self(Secret::new(bytes)))
            .ok_or(BlobError::Key)
    }
}

impl fmt::Debug for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadKey(redacted)")
    }
}

/// The size, in bytes, that a blob of `len` sealed bytes has to be padded to.
///
/// Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019): a number whose
/// mantissa is no longer than its exponent. At most 12 % more, and a file of up to a tebibyte shows
/// one of about a thousand sizes. Nothing is smaller than [`limits::MIN_BLOB`].
///
/// `None` beyond [`limits::MAX_BLOB`].
pub fn blob_size(len: u64) -> Option<u64> {
    let len = len.max(limits::MIN_BLOB);
    let exponent = len.ilog2();
    let mantissa = exponent.ilog2() + 1;
    let low = (1u64 << (exponent - mantissa)) - 1;
    let size = len.checked_add(low)? & !low;
    (size <= limits::MAX_BLOB).then_some(size)
}

/// Bytes of a blob that are asked for: never empty, and all of them there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first.
    pub from: u64,
    /// The one after the last.
    pub until: u64,
}

impl ByteRange {
    /// Reads a `Range` header (RFC 9110, section 14.1.2) for a blob of `size` bytes. `None`: it is
    /// to be passed over, which means the whole blob (another unit, several ranges, or no range).
    ///
    /// # Errors
    /// [`BlobError::Range`]: a range, but of bytes that the blob does not have (416).
    pub fn parse(header: &str, size: u64) -> Result<Option<Self>, BlobError> {
        let Some((first, last)) = header
            .strip_prefix("bytes=")
            .and_then(|range| range.trim().split_once('-'))
        else {
            return Ok(None);
        };
        let range = match (number(first), number(last)) {
            (Number::Is(from), Number::Is(last)) if from <= last => Self {
                from,
                until: last.saturating_add(1).min(size),
            },
            (Number::Is(from), Number::Missing) => Self { from, until: size },
            (Number::Missing, Number::Is(suffix)) => Self {
                from: size.saturating_sub(suffix),
                until: size,
            },
            _ => return Ok(None),
        };
        if range.from < range.until {
            Ok(Some(range))
        } else {
            Err(BlobError::Range)
        }
    }

    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

enum Number {
    Missing,
    Is(u64),
    Not,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        Number::Missing
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Longer than any blob is as good as the largest number.
        Number::Is(text.parse().unwrap_or(u64::MAX))
    } else {
        Number::Not
    }
}
