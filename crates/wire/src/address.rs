//! Where a relay is, and who it must prove to be.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// SHA-256 of a relay's identity key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RelayIdentity(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

/// A relay's address: host, port and the hash of its long-lived identity key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct RelayAddress {
    /// Host name or IP address, at most [`crate::limits::MAX_HOST`] bytes.
    #[n(0)]
    pub host: String,
    /// TCP port.
    #[n(1)]
    pub port: u16,
    /// Whom the relay must prove to be.
    #[n(2)]
    pub identity: RelayIdentity,
    /// WebSocket without TLS; allowed on loopback only.
    #[n(3)]
    pub plain: bool,
}

/// Why a text is not a relay address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not of the form `sotto-relay://host:port#identity`.
    #[error("not a relay address")]
    Malformed,
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
impl fmt::Debug for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl fmt::Debug for RelayIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "RelayIdentity({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}
impl FromStr for RelayAddress {
    type Err = AddressError;
    fn from_str(_: &str) -> Result<Self, AddressError> {
        Err(AddressError::Malformed)
    }
}
