//! Upper bounds that every peer keeps to, in bytes unless said otherwise.

/// Body of one entry.
pub const MAX_ENTRY: usize = 256 * 1024 + 1024;
/// One frame, with everything around an entry.
pub const MAX_FRAME: usize = MAX_ENTRY + 64 * 1024;
/// A frame before the hello is complete.
pub const MAX_HELLO: usize = 4 * 1024;
/// A card.
pub const MAX_CARD: usize = 64 * 1024;
/// One sealed key package.
pub const MAX_PACKAGE: usize = 16 * 1024;
/// Keys in one list of a command.
pub const MAX_KEYS: usize = 1024;
/// Packages in one deposit.
pub const MAX_DEPOSIT: usize = 100;
/// Slots in one `Take`.
pub const MAX_SLOTS: usize = 16;
/// Entries delivered but not acknowledged, for one subscriber.
pub const MAX_IN_FLIGHT: u16 = 256;
/// Handshakes that a chat entry's sender may be behind.
pub const MAX_HANDSHAKES_BEHIND: u64 = 3;
/// Host name in a relay address.
pub const MAX_HOST: usize = 40;
/// An invite as a link.
pub const MAX_INVITE_LINK: usize = 220;
/// Slots in the pool of one inbox.
pub const MAX_POOL_SLOTS: usize = 64;
/// Versions in a client's hello.
pub const MAX_VERSIONS: usize = 16;
/// Access token in a client's hello.
pub const MAX_TOKEN: usize = 256;
/// Levels of arrays and maps in one frame.
pub const MAX_DEPTH: usize = 16;
/// Smallest blob, and with it the smallest step that says how large one is.
pub const MIN_BLOB: u64 = 16 * 1024;
/// Largest blob that any relay may allow: what counts its bytes fits a file on every system.
pub const MAX_BLOB: u64 = 1 << 40;
/// Bytes of a blob in one request to upload.
pub const MAX_BLOB_PART: u64 = 8 << 20;
