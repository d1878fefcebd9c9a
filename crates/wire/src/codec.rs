//! Deterministic CBOR in and out.

use minicbor::{Decode, Decoder, Encode};

use crate::{RequestId, canonical, limits};

/// The bytes are not a value of the expected type in its one spelling: the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
    /// Well formed, but of a kind (a frame, a command, a lane …) that this build does not know.
    #[error("of a kind that this version does not know")]
    Unknown,
}

/// Encodes a value in its one spelling.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Enough for every frame without a body, so that only a body makes it grow, once.
    let mut out = Vec::with_capacity(256);
    // Writing into a Vec has no failure; minicbor's error type for it is uninhabited in effect.
    let _ = minicbor::encode(value, &mut out);
    out
}

/// Decodes a value of at most `max` bytes.
///
/// The spelling is checked over the whole input before anything is built from it (RFC 8949,
/// section 4.2: shortest heads, definite lengths, sorted keys that occur once; neither tags nor
/// floats nor null, for a field without a value is left out; at most
/// [`limits::MAX_DEPTH`] levels), so that no length in it is believed that the input does not hold.
///
/// # Errors
/// [`DecodeError`], whose text says nothing of the content.
pub fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong {
            len: bytes.len(),
            max,
        });
    }
    canonical::check(bytes).map_err(DecodeError::Malformed)?;
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().map_err(|error: minicbor::decode::Error| {
        if error.is_unknown_variant() {
            DecodeError::Unknown
        } else {
            DecodeError::Malformed("not of this type")
        }
    })?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError::Malformed("bytes after the end"));
    }
    Ok(value)
}

/// The id of a request whose command could not be decoded, so that it can be refused by name.
///
/// `None` unless the bytes are deterministic CBOR of a request's outer shape.
pub fn request_id(bytes: &[u8]) -> Option<RequestId> {
    if bytes.len() > limits::MAX_FRAME || canonical::check(bytes).is_err() {
        return None;
    }
    let mut decoder = Decoder::new(bytes);
    let is_request = decoder.array().ok()? == Some(2) && decoder.u32().ok()? == 1;
    // Keys are sorted, so the id comes first.
    let has_id = decoder.map().ok()? >= Some(1) && decoder.u32().ok()? == 0;
    if is_request && has_id {
        decoder.u32().ok()
    } else {
        None
    }
}

/// A list that may not be longer than `max`, refused before its first element is read.
fn list<'b, C, T: Decode<'b, C>>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
    max: usize,
) -> Result<Vec<T>, minicbor::decode::Error> {
    let len = decoder.array()?.and_then(|len| usize::try_from(len).ok());
    let Some(len) = len.filter(|len| *len <= max) else {
        return Err(minicbor::decode::Error::message("list too long"));
    };
    let mut out = Vec::with_capacity(len);
    for _ in 0..len {
        out.push(decoder.decode_with(context)?);
    }
    Ok(out)
}

macro_rules! bounded {
    ($($name:ident: $max:expr),+ $(,)?) => {$(
        /// A list of at most the number in `limits`.
        pub(crate) fn $name<'b, Ctx, T: Decode<'b, Ctx>>(
            decoder: &mut Decoder<'b>,
            context: &mut Ctx,
        ) -> Result<Vec<T>, minicbor::decode::Error> {
            list(decoder, context, $max)
        }
    )+};
}

bounded! {
    keys: limits::MAX_KEYS,
    packages: limits::MAX_DEPOSIT,
    slots: limits::MAX_SLOTS,
    statuses: limits::MAX_POOL_SLOTS,
    versions: limits::MAX_VERSIONS,
}
