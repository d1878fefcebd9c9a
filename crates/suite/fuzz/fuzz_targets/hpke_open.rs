//! Any bytes as something sealed to us: no panic, and what opens was at least
//! an encapsulation and a tag long.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sotto_suite::{SealingKey, Secret, hpke};

/// The key that the corpus was sealed to.
static KEY: LazyLock<SealingKey> =
    LazyLock::new(|| SealingKey::from_seed(&Secret::new([7; 32])));

fuzz_target!(|sealed: &[u8]| {
    if let Ok(plain) = hpke::open(&KEY, b"fuzz", b"", sealed) {
        assert_eq!(sealed.len(), 1120 + plain.len() + 16);
    }
});
