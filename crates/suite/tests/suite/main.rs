//! The suite against vectors, other implementations, and itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod corpus;
mod fernet_spec;
mod fernet_strict;
mod primitives;
mod redaction;
#[cfg(target_os = "linux")]
mod wiping;

#[cfg(feature = "mls")]
mod conformance;
#[cfg(feature = "mls")]
mod conversation;
#[cfg(feature = "mls")]
mod people;
#[cfg(feature = "mls")]
mod python;
#[cfg(feature = "mls")]
mod rfc9420;
#[cfg(feature = "mls")]
mod tapped;

/// A file of vectors: where they come from, and the vectors.
#[derive(serde::Deserialize)]
struct VectorFile<T> {
    source: String,
    vectors: Vec<T>,
}

/// The vectors of a file; none at all would prove nothing.
fn vectors<T: serde::de::DeserializeOwned>(json: &str) -> Vec<T> {
    let file: VectorFile<T> = serde_json::from_str(json).unwrap();
    assert!(!file.source.is_empty() && !file.vectors.is_empty());
    file.vectors
}
