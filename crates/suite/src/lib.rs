//! Sotto's cryptography: the primitives, each from a library, and the MLS
//! cipher suite made of them. Pure functions, no I/O, no state.
//!
//! Nothing else in the workspace touches a primitive. The relay and the wire
//! format need the primitives alone; the MLS provider is behind the feature
//! `mls`, on by default.
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, reason = "tests index what they made")
)]

pub mod aead;
pub mod fernet;
pub mod hash;
pub mod hpke;
pub mod kdf;
#[cfg(feature = "mls")]
pub mod provider;
pub mod rand;
pub mod record;
pub mod secret;
pub mod sign;
#[cfg(feature = "tls")]
pub mod tls;
pub mod xwing;

pub use fernet::FernetKey;
pub use rand::{Random, RandomExt, SeededRandom, SystemRandom};
pub use secret::{Secret, WrongLength};
pub use sign::{PublicKey, Signature, SigningKey};
pub use xwing::{SealingKey, SealingPublicKey};
