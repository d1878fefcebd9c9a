//! Any bytes as a Fernet token: no panic, and what opens has one spelling only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_suite::{FernetKey, Secret};

fuzz_target!(|token: &[u8]| {
    let key = FernetKey::new(Secret::new([7; 32]));
    if key.open(token).is_ok() {
        assert!(token.is_ascii() && token.starts_with(b"gAAAAAAAAAAA"));
        assert_eq!(token.len() % 4, 0);
        let mut longer = token.to_vec();
        longer.push(b'=');
        assert!(key.open(&longer).is_err());
    }
});
