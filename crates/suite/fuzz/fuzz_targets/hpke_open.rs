//! Any bytes as something sealed to us: no panic, and what opens was at least
//! an encapsulation and a tag long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_suite::{SealingKey, Secret, hpke};

fuzz_target!(|sealed: &[u8]| {
    let key = SealingKey::from_seed(&Secret::new([7; 32]));
    if let Ok(plain) = hpke::open(&key, b"fuzz", b"", sealed) {
        assert_eq!(sealed.len(), 1120 + plain.len() + 16);
    }
});
