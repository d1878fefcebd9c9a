//! Finds the Fernet token inside an MLS PrivateMessage, to show it.

use mls_rs::mls_rs_codec::{self, MlsDecode, MlsEncode, MlsSize};

/// RFC 9420, section 6.3, after the version and wire format of MLSMessage.
#[derive(MlsDecode, MlsEncode, MlsSize)]
struct PrivateMessage {
    version: u16,
    wire_format: u16,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    group_id: Vec<u8>,
    epoch: u64,
    content_type: u8,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    authenticated_data: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    encrypted_sender_data: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    ciphertext: Vec<u8>,
}

const PRIVATE_MESSAGE: u16 = 2;

/// The record's ciphertext as text: on the Sotto suite, a Fernet token. None on another suite, or
/// if the bytes are not a PrivateMessage.
pub(crate) fn token_of(mls: &[u8]) -> Option<String> {
    let message = PrivateMessage::mls_decode(&mut &*mls).ok()?;
    if message.wire_format != PRIVATE_MESSAGE {
        return None;
    }
    String::from_utf8(message.ciphertext)
        .ok()
        .filter(|text| text.is_ascii())
}
