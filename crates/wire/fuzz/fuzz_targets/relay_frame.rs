//! What a peer sends: decoded or refused, and what is decoded has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_wire::{RelayFrame, decode, encode, limits, request_id};

fuzz_target!(|bytes: &[u8]| {
    let _ = request_id(bytes);
    if let Ok(frame) = decode::<RelayFrame>(bytes, limits::MAX_FRAME) {
        let again = encode(&frame);
        // Shorter only by fields that this build does not know.
        assert!(again.len() <= bytes.len());
        assert_eq!(decode::<RelayFrame>(&again, limits::MAX_FRAME), Ok(frame));
    }
});
