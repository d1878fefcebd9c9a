//! What the fuzz targets reach of what is private to the engine: for each parser of outside bytes, what
//! must hold whatever it is given. Each says whether the bytes were taken for what they claim to be.
//! Ordinary tests run all of them on the targets' corpora and on bytes of their own.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a broken promise must stop the fuzzer"
)]

mod groups;
#[cfg(test)]
mod tests;

use minicbor::{Decode, Encode};
use sotto_suite::secret::Secret;
use sotto_wire::{AppendId, Lane, decode, encode};

use crate::Body;
use crate::contacts::card::Card;
use crate::contacts::letter::Letter;
use crate::conversations::envelope::{self, STEPS, padded, unpadded};
use crate::conversations::{Generation, LeafChannel, Roles};
use crate::messages::content::{
    Content, Introduction, MAX_NAME, MAX_TEXT, Receipt, Text, clean_name,
};
use crate::messages::{history, typing};

pub use groups::mls_message;

/// What is decoded, if its fields that are known have one spelling, which decodes to the same.
fn settled<T: Encode<()> + for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Option<T> {
    let value: T = decode(bytes, bytes.len()).ok()?;
    let encoded = encode(&value);
    let again: T = decode(&encoded, usize::MAX).expect("what is encoded can be decoded");
    assert_eq!(encode(&again), encoded);
    Some(value)
}

/// The content of an MLS message, as a member of the conversation has written it.
pub fn content(bytes: &[u8]) -> bool {
    let Some(content) = Content::decode(bytes) else {
        return false;
    };
    assert!(settled::<Content>(bytes) == Some(content.clone()));
    if let Body::Text { text } = history::shown(content.kind, &content.body) {
        assert!(text.len() <= MAX_TEXT + 64);
    }
    let _ = (content.body::<Text>(), content.body::<Receipt>());
    if let Some(introduction) = content.body::<Introduction>()
        && let Some(name) = clean_name(&introduction.name)
    {
        assert!((1..=MAX_NAME).contains(&name.chars().count()));
        assert!(!name.chars().any(char::is_control));
        assert_eq!(clean_name(&name), Some(name));
    }
    true
}

/// What an envelope holds, padding included, and the envelope itself, of somebody who has no key.
pub fn envelope(bytes: &[u8]) -> bool {
    let generation = Generation::new(0, Secret::new([1; 32]));
    let opened = envelope::open(&generation, Lane::Chat, &AppendId([2; 16]), bytes);
    assert!(opened.is_err(), "made without the key");
    if let Some(filled) = padded(bytes, 64) {
        assert!(STEPS.contains(&(filled.len() - 4 + 64)));
        assert_eq!(unpadded(&filled), Some(bytes));
    }
    let content = unpadded(bytes).and_then(settled::<envelope::Content>);
    content.is_some()
}

/// What a stranger's letter holds, padding included, and a card.
pub fn letter(bytes: &[u8]) -> bool {
    let letter = unpadded(bytes).and_then(settled::<Letter>);
    letter.is_some() || settled::<Card>(bytes).is_some()
}

/// What a member says of the moment: sealed, and inside.
pub fn signal(bytes: &[u8]) -> bool {
    let sealed = settled::<typing::Sealed>(bytes).is_some();
    sealed || settled::<typing::Signal>(bytes).is_some()
}

/// What a leaf says of itself, and the roles of a group.
pub fn extension(bytes: &[u8]) -> bool {
    settled::<Roles>(bytes).is_some() || settled::<LeafChannel>(bytes).is_some()
}
