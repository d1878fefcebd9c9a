//! Names and numbers on the wire. None of them says anything about a person.

use std::fmt;

use minicbor::{Decode, Encode};

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(with = "minicbor::bytes")] pub [u8; $len]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                Ok(Self(bytes.try_into()?))
            }
        }

        /// Eight hex digits: enough to tell two apart in a log, too little to use.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, d, ..] = self.0;
                write!(f, concat!(stringify!($name), "({:02x}{:02x}{:02x}{:02x}…)"), a, b, c, d)
            }
        }
    };
}

bytes_id!(
    /// A channel's random address on its relay, 128 bit. Whoever doesn't know it can't name it.
    ChannelId, 16
);
bytes_id!(
    /// Chosen by the client for one append; the same id is answered the same, however often it is sent.
    AppendId, 16
);
bytes_id!(
    /// A device's place in the pool of an inbox, random: the relay can't tell whose it is.
    SlotId, 16
);
bytes_id!(
    /// A blob's random name on its relay, 128 bit, chosen by the client. Whoever knows it can fetch
    /// the sealed bytes, so it travels inside sealed messages only.
    BlobId, 16
);
bytes_id!(
    /// Fresh random bytes of one side of a connection.
    Nonce, 32
);

/// Place of a stored entry in its channel, counted from 1. Position 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Position(#[n(0)] pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Number of a request on one connection, chosen by the client; the reply carries it back.
pub type RequestId = u32;
