//! Who an account is, and which devices speak for it: types and pure functions, no I/O.
//!
//! An account is the hash of its [`Genesis`]. From there runs one chain of signed statements:
//! device lists, signed by the account key, and rotations, signed by the recovery key, which
//! alone can replace the account key. Each statement names the hash of the one before, so two
//! people who hold the same newest hash hold the same history. What came from outside is an
//! [`UnverifiedChain`] or an [`UnverifiedCredential`]; only verifying makes a [`Chain`] or a
//! [`Credential`] of it, and both verdicts depend on the bytes alone: no clock, no store, no
//! network, so that every member of a conversation judges a commit alike.
//!
//! What this cannot do: a thief with the account key can sign lists until the recovery key
//! rotates it away. Contacts then see two lists with one number ([`Relation::Forked`]), or a
//! device that they were told of.

mod account;
mod certificate;
mod chain;
mod credential;
mod error;
mod genesis;
mod label;
pub mod limits;
mod lineage;
mod list;
mod recovery;
mod statement;

pub use account::{NewAccount, NewDevice};
pub use certificate::DeviceCertificate;
pub use chain::{Chain, Relation, UnverifiedChain};
pub use credential::{Credential, UnverifiedCredential};
pub use error::{ChainError, CredentialError};
pub use genesis::Genesis;
pub use list::{DeviceEntry, DeviceList, InboxAddress, InvalidList};
pub use recovery::{RecoveryCode, RecoveryCodeError};
pub use statement::StatementHash;

#[cfg(test)]
pub(crate) mod tests;
