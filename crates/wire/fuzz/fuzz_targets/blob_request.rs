//! What a request about a blob says in text: read in its one spelling or refused, ranges in bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_wire::{BlobId, ByteRange, UploadKey};

fuzz_target!(|text: &str| {
    if let Ok(blob) = text.parse::<BlobId>() {
        assert_eq!(blob.to_string(), text);
    }
    if let Ok(key) = UploadKey::from_authorization(text) {
        assert_eq!(key.authorization(), text);
    }
    for size in [1, 1000, u64::MAX] {
        if let Ok(Some(range)) = ByteRange::parse(text, size) {
            assert!(range.from < range.until && range.until <= size);
        }
    }
});
