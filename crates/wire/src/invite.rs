//! An invite: how a stranger reaches an account, as a link of at most 220 bytes.

use std::fmt;

use crate::{ChannelId, RelayAddress};

/// The invite's 32-byte secret, from which writer key, card key and pre-shared key derive.
pub type InviteSecret = sotto_suite::secret::Secret<32>;

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The inviter's relay.
    pub relay: RelayAddress,
    /// The inviter's inbox.
    pub inbox: ChannelId,
    /// The inviter's account id.
    pub account: [u8; 32],
    /// Secret of this invite.
    pub secret: InviteSecret,
    /// Unix time in seconds after which it is no longer good, rounded up to a minute.
    pub expires: u64,
    /// Good for one person only.
    pub single_use: bool,
}

/// Why a text is not a usable invite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Not an invite at all.
    #[error("not a Sotto invite")]
    NotAnInvite,
    /// Cut short or changed: the checksum does not fit.
    #[error("the invite is damaged")]
    Damaged,
    /// Made by a newer version.
    #[error("the invite is of version {0}, which this build does not know")]
    NewerVersion(u8),
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "")
    }
}
impl std::str::FromStr for Invite {
    type Err = InviteError;
    fn from_str(_: &str) -> Result<Self, InviteError> {
        Err(InviteError::NotAnInvite)
    }
}
