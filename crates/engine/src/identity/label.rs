//! What a hash or a signature is for. No label is the beginning of another, because each ends
//! with a zero byte and holds none before.

pub(super) const GENESIS: &[u8] = b"sotto genesis v1\0";
pub(super) const RECOVERY_KEY: &[u8] = b"sotto recovery key v1\0";
pub(super) const STATEMENT: &[u8] = b"sotto statement v1\0";
pub(super) const BODY: &[u8] = b"sotto statement body v1\0";
pub(super) const LIST: &[u8] = b"sotto device list v1\0";
pub(super) const ROTATION: &[u8] = b"sotto rotation v1\0";
pub(super) const CERTIFICATE: &[u8] = b"sotto device certificate v1\0";

/// What is signed: the purpose, then the content.
pub(super) fn signed(purpose: &[u8], content: &[u8]) -> Vec<u8> {
    [purpose, content].concat()
}
