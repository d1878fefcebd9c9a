//! Upper bounds. Whatever exceeds one is refused before it is taken apart.

/// Devices of one account.
pub const MAX_DEVICES: usize = 64;
/// Inboxes of one account, each on a relay of its own.
pub const MAX_INBOXES: usize = 3;
/// Statements of one chain, over the whole life of an account.
pub const MAX_STATEMENTS: usize = 1024;
/// Rotations of one account, because every credential carries all of them.
pub const MAX_ROTATIONS: usize = 64;
/// Statements that one statement may name beside its predecessor.
pub const MAX_RIVALS: usize = 8;
/// Characters of a device's name.
pub const MAX_NAME_CHARS: usize = 64;
/// Bytes of a device's name.
pub const MAX_NAME: usize = 256;

/// Bytes of a genesis record.
pub const MAX_GENESIS: usize = 1024;
/// Bytes of a statement's header.
pub const MAX_HEADER: usize = 1024;
/// Bytes of a statement's body: a list of 64 devices needs 22 thousand at most.
pub const MAX_BODY: usize = 32 * 1024;
/// Bytes of a device certificate's body.
pub const MAX_CERTIFICATE: usize = 1024;
/// Bytes of a whole chain: 1,024 headers, the rotations' bodies, one list.
pub const MAX_CHAIN: usize = 256 * 1024;
/// Bytes of a credential: 64 rotations and a certificate.
pub const MAX_CREDENTIAL: usize = 32 * 1024;
