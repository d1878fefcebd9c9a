//! The envelope: what the relay stores. It hides group, epoch, kind, sender and exact size.
//!
//! Layout: version (1 byte, 1) ‖ salt (32) ‖ ChaCha20-Poly1305 under a key of this entry alone,
//! HKDF(envelope secret, salt, channel), nonce 0, with channel ‖ lane ‖ append id as associated
//! data, over length (4, big endian) ‖ content ‖ zeros. The whole is 1, 4, 16, 64 or 256 KiB.

use minicbor::{Decode, Encode};
use sotto_suite::aead::AeadKey;
use sotto_suite::kdf::derive;
use sotto_suite::rand::{Random, RandomExt};
use sotto_wire::{AppendId, ChainHash, Lane, Position, decode, encode};
use zeroize::Zeroizing;

use super::Generation;

const VERSION: u8 = 1;
const SALT: usize = 32;
const TAG: usize = 16;
const OVERHEAD: usize = 1 + SALT + TAG + 4;
/// Sizes of an envelope in bytes.
pub(crate) const STEPS: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// What an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Content {
    #[n(0)]
    pub(crate) kind: Kind,
    /// An MLS message, or a sealed signal.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) body: Vec<u8>,
    /// What the sender had seen of the channel.
    #[n(2)]
    pub(crate) seen: Option<Seen>,
}

/// Kinds of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Kind {
    /// An MLS message (RFC 9420, section 6).
    #[n(0)]
    Mls,
    /// Closes the channel.
    #[n(1)]
    Fence,
    /// An ephemeral signal.
    #[n(2)]
    Signal,
}

/// The sender's view, so that two members who are shown different histories find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Seen {
    #[n(0)]
    pub(crate) position: Position,
    #[n(1)]
    pub(crate) hash: ChainHash,
    /// First 8 bytes of the epoch authenticator (RFC 9420, section 8.7).
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) authenticator: [u8; 8],
    /// The epoch it is of.
    #[n(3)]
    pub(crate) epoch: u64,
}

/// Why an envelope can't be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("the content is larger than 256 KiB")]
    TooLarge,
    #[error("the envelope is of version {0}")]
    NewerVersion(u8),
    #[error("not sealed by a member of this conversation")]
    NotSealedHere,
    #[error("the content is malformed")]
    Malformed,
}

fn associated(generation: &Generation, lane: Lane, append: &AppendId) -> [u8; 33] {
    let mut out = [0; 33];
    let parts = generation.channel();
    for (to, from) in out.iter_mut().zip(
        parts
            .as_bytes()
            .iter()
            .chain(&[lane as u8])
            .chain(append.as_bytes()),
    ) {
        *to = *from;
    }
    out
}

fn entry_key(generation: &Generation, salt: &[u8]) -> AeadKey {
    let channel = generation.channel();
    AeadKey::new(&derive(
        generation.envelope_secret(),
        "envelope",
        &[salt, channel.as_bytes()],
    ))
}

/// Bytes that the AEAD adds nothing to: length, content, padding up to the next step.
pub(crate) fn padded(content: &[u8], overhead: usize) -> Option<Zeroizing<Vec<u8>>> {
    let step = STEPS
        .into_iter()
        .find(|step| content.len() + overhead <= *step)?;
    let length = u32::try_from(content.len()).ok()?;
    let mut out = Zeroizing::new(Vec::with_capacity(step));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
    out.resize(step - overhead + 4, 0);
    Some(out)
}

/// The content of a padded plaintext.
pub(crate) fn unpadded(plain: &[u8]) -> Option<&[u8]> {
    let (length, rest) = plain.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

/// Seals with a fresh salt.
pub(crate) fn seal(
    generation: &Generation,
    lane: Lane,
    append: &AppendId,
    content: &Content,
    random: &mut dyn Random,
) -> Result<Vec<u8>, EnvelopeError> {
    seal_with(generation, lane, append, content, random.bytes())
}

/// Seals with a given salt: the same input gives the same envelope, so what the relay saw can be
/// shown again. The salt must be fresh whenever the content is new.
pub(crate) fn seal_with(
    generation: &Generation,
    lane: Lane,
    append: &AppendId,
    content: &Content,
    salt: [u8; SALT],
) -> Result<Vec<u8>, EnvelopeError> {
    let plain = padded(&encode(content), OVERHEAD).ok_or(EnvelopeError::TooLarge)?;
    let sealed =
        entry_key(generation, &salt).seal([0; 12], &associated(generation, lane, append), &plain);
    let mut out = Vec::with_capacity(1 + SALT + sealed.len());
    out.push(VERSION);
    out.extend_from_slice(&salt);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what came from the relay; also gives the salt.
pub(crate) fn open(
    generation: &Generation,
    lane: Lane,
    append: &AppendId,
    body: &[u8],
) -> Result<(Content, [u8; SALT]), EnvelopeError> {
    let (version, rest) = body.split_first().ok_or(EnvelopeError::Malformed)?;
    if *version != VERSION {
        return Err(EnvelopeError::NewerVersion(*version));
    }
    let (salt, sealed) = rest
        .split_first_chunk::<SALT>()
        .ok_or(EnvelopeError::Malformed)?;
    let plain = entry_key(generation, salt)
        .open([0; 12], &associated(generation, lane, append), sealed)
        .map_err(|_| EnvelopeError::NotSealedHere)?;
    let content = unpadded(&plain).ok_or(EnvelopeError::Malformed)?;
    let content = decode(content, 256 << 10).map_err(|_| EnvelopeError::Malformed)?;
    Ok((content, *salt))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use sotto_suite::rand::SeededRandom;
    use sotto_suite::secret::Secret;

    use super::*;

    fn sample(size: usize) -> Content {
        Content {
            kind: Kind::Mls,
            body: vec![7; size],
            seen: None,
        }
    }

    #[test]
    fn sizes_are_steps_and_nothing_else() {
        let generation = Generation::new(0, Secret::new([1; 32]));
        let append = AppendId([2; 16]);
        let mut random = SeededRandom::new([3; 32]);
        let edges = (900..1000).chain(4000..4100);
        for size in [0, 1, 500, 5000, 60_000, 200_000].into_iter().chain(edges) {
            let sealed =
                seal(&generation, Lane::Chat, &append, &sample(size), &mut random).unwrap();
            // Version, salt, tag and length around the content.
            let least = encode(&sample(size)).len() + 1 + 32 + 16 + 4;
            let steps = [1024, 4096, 16_384, 65_536, 262_144];
            let step = steps.into_iter().find(|step| *step >= least);
            assert_eq!(Some(sealed.len()), step, "{size}");
            let (opened, _) = open(&generation, Lane::Chat, &append, &sealed).unwrap();
            assert_eq!(opened, sample(size));
        }
        let too_large = seal(
            &generation,
            Lane::Chat,
            &append,
            &sample(300_000),
            &mut random,
        );
        assert_eq!(too_large, Err(EnvelopeError::TooLarge));
    }

    #[test]
    fn an_envelope_holds_only_where_it_was_made() {
        let generation = Generation::new(0, Secret::new([1; 32]));
        let append = AppendId([2; 16]);
        let sealed = seal_with(&generation, Lane::Chat, &append, &sample(40), [9; 32]).unwrap();
        let other = Generation::new(0, Secret::new([4; 32]));
        let refused = Err(EnvelopeError::NotSealedHere);
        assert_eq!(open(&other, Lane::Chat, &append, &sealed), refused);
        assert_eq!(
            open(&generation, Lane::Handshake, &append, &sealed),
            refused
        );
        assert_eq!(
            open(&generation, Lane::Chat, &AppendId([3; 16]), &sealed),
            refused
        );
        for index in [1, 20, 40, sealed.len() - 1] {
            let mut tampered = sealed.clone();
            tampered[index] ^= 1;
            assert_eq!(
                open(&generation, Lane::Chat, &append, &tampered),
                refused,
                "byte {index}"
            );
        }
    }
}
