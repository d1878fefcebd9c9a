//! Why a chain or a credential is not believed.

use sotto_wire::DecodeError;

use super::InvalidList;

/// What is wrong with a chain. All but the last two are the fault of whoever made or sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not an encoded chain, or one of a newer version.
    #[error("not an identity chain: {0}")]
    Encoding(#[from] DecodeError),
    /// The chain is whole in itself, but of another account than the one asked for.
    #[error("the chain belongs to another account")]
    WrongAccount,
    /// More than 1,024 statements or 64 rotations.
    #[error("the chain is too long")]
    TooLong,
    /// Statements are numbered 1, 2, 3 …; this one isn't.
    #[error("statement {number} has another number")]
    Misnumbered {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// The statement does not name the one before it.
    #[error("statement {number} does not follow the one before it")]
    BrokenLink {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// The signature is not that of the key in force.
    #[error("statement {number} is not signed by the right key")]
    BadSignature {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// A rotation names a recovery key that the genesis record doesn't.
    #[error("statement {number} names another recovery key")]
    WrongRecoveryKey {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// A rotation doesn't continue the rotation before it.
    #[error("statement {number} does not follow the last rotation")]
    BrokenRotation {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// A rotation, or the newest device list, comes without its content.
    #[error("statement {number} is without its content")]
    BodyMissing {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// The content is another than the one that was signed.
    #[error("statement {number} has another content than was signed")]
    BodyMismatch {
        /// Place in the chain, from 1.
        number: u32,
    },
    /// The newest device list breaks a rule.
    #[error("device list: {0}")]
    List(#[from] InvalidList),
    /// There is no device list since the last rotation.
    #[error("the chain has no device list")]
    NoDeviceList,
    /// Our own mistake: signing with a key that is not in force.
    #[error("this key may not sign for the account")]
    NotOurKey,
}

/// Why a credential is not valid: the fault of whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not an encoded credential, or one of a newer version.
    #[error("not a credential: {0}")]
    Encoding(#[from] DecodeError),
    /// Its rotations don't hold.
    #[error("its rotations do not hold: {0}")]
    Rotations(#[from] ChainError),
    /// The certificate is for another account.
    #[error("the device certificate names another account")]
    OtherAccount,
    /// The certificate is for another device key than the one that signs.
    #[error("the device certificate names another device")]
    OtherDevice,
    /// The certificate is not signed by the account key that the rotations lead to.
    #[error("the device certificate is not signed by the account key")]
    BadSignature,
}
