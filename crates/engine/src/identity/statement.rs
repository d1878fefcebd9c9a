//! One link of a chain: a small signed header, and a body that the header names by hash.
//!
//! Only the newest device list matters, so older ones travel as headers alone: a chain of years
//! still fits a card. The header's bytes are kept as they were signed.

use std::fmt;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sotto_suite::hash::sha256;
use sotto_suite::{PublicKey, Signature, SigningKey};
use sotto_wire::{decode, encode};

use super::{ChainError, label, limits};

/// SHA-256 of a statement's header: with it, of everything before and of its body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct StatementHash(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl fmt::Debug for StatementHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "StatementHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// What a statement states. A kind that this version doesn't know can't be passed over: it might
/// change who may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Kind {
    /// A device list, signed by the account key.
    #[n(1)]
    List,
    /// A new account key, signed by the recovery key.
    #[n(2)]
    Rotation,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Header {
    #[n(0)]
    pub(super) kind: Kind,
    /// From 1, without gaps.
    #[n(1)]
    pub(super) number: u32,
    /// The statement before; for number 1 the account id.
    #[n(2)]
    pub(super) previous: StatementHash,
    /// [`body_hash`] of the body.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(super) body: [u8; 32],
    /// Other statements with the number before this one, which this one puts an end to.
    #[n(4)]
    pub(super) rivals: Option<Vec<StatementHash>>,
}

/// A statement as it travels: not believed until [`super::chain`] has verified it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Statement {
    #[n(0)]
    header: ByteVec,
    #[n(1)]
    signature: Signature,
    #[n(2)]
    body: Option<ByteVec>,
}

impl Statement {
    /// Signs a header and attaches the body that it names.
    pub(super) fn sign(header: &Header, body: Vec<u8>, key: &SigningKey) -> Self {
        let bytes = encode(header);
        Self {
            signature: key.sign(&label::signed(purpose(header.kind), &bytes)),
            header: bytes.into(),
            body: Some(body.into()),
        }
    }

    /// Reads the header, which nobody has verified yet.
    pub(super) fn header(&self) -> Result<Header, ChainError> {
        let header: Header = decode(&self.header, limits::MAX_HEADER)?;
        if header
            .rivals
            .as_ref()
            .is_some_and(|named| named.len() > limits::MAX_RIVALS)
        {
            return Err(ChainError::TooLong);
        }
        Ok(header)
    }

    /// What the next statement names.
    pub(super) fn hash(&self) -> StatementHash {
        StatementHash(sha256(&[label::STATEMENT, &self.header]))
    }

    /// Whether `key` has signed this for the purpose that the header names.
    pub(super) fn is_signed_by(&self, key: &PublicKey, header: &Header) -> bool {
        let signed = label::signed(purpose(header.kind), &self.header);
        key.verify(&signed, &self.signature).is_ok()
    }

    /// The body, if it travels with the header. It must then be the one that the header names.
    pub(super) fn body(&self, header: &Header) -> Result<Option<&[u8]>, ChainError> {
        let Some(body) = &self.body else {
            return Ok(None);
        };
        if body.len() > limits::MAX_BODY || body_hash(body) != header.body {
            return Err(ChainError::BodyMismatch {
                number: header.number,
            });
        }
        Ok(Some(body))
    }

    /// The same statement as a header alone.
    pub(super) fn without_body(self) -> Self {
        Self { body: None, ..self }
    }
}

/// What a header says of its body.
pub(super) fn body_hash(body: &[u8]) -> [u8; 32] {
    sha256(&[label::BODY, body])
}

fn purpose(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::List => label::LIST,
        Kind::Rotation => label::ROTATION,
    }
}
