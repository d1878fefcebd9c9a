//! Deterministic CBOR in and out.

use minicbor::{Decode, Encode};

/// The bytes are not a value of the expected type in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than the type allows.
    #[error("{len} bytes, more than the {max} allowed")]
    TooLong {
        /// Length found.
        len: usize,
        /// Length allowed.
        max: usize,
    },
    /// Not deterministic CBOR, or not of this type.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

/// Encodes a value in its one spelling.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing into a Vec has no failure; minicbor's error type for it is uninhabited in effect.
    let _ = minicbor::encode(value, &mut out);
    out
}

/// Decodes a value of at most `max` bytes; trailing bytes are refused.
pub fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong { len: bytes.len(), max });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| DecodeError::Malformed("not of this type"))?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError::Malformed("bytes after the end"));
    }
    Ok(value)
}
