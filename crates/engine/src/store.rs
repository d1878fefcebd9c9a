//! The profile's database: the one module that opens it.
//!
//! SQLCipher under a raw 32-byte key, in WAL mode, written by one connection at a time and read
//! by as many as wanted. [`Store::transaction`] is the only way to write: what a [`Durability`]
//! of `Synced` has answered survives a power cut. The single-writer rule is an advisory lock
//! beside the file, so that a second process is told so instead of waiting or corrupting.
//!
//! A database that can't be opened is never replaced: [`Store::create`] refuses a name that is
//! taken, and every reason why opening failed is a [`StoreError`] of its own. What rusqlite
//! calls its own leaves through this module alone, so that a browser build can bring another.

mod connection;
mod create;
mod error;
mod lock;
mod log;
mod open;
mod reader;
mod schema;
mod transaction;

pub use error::StoreError;
pub(crate) use open::Store;
pub(crate) use reader::StoreReader;
pub(crate) use rusqlite::{
    Connection, Error as SqlError, OptionalExtension, Row, ToSql, Transaction, params,
};
pub(crate) use transaction::{Durability, savepoint};

#[cfg(test)]
mod tests;
