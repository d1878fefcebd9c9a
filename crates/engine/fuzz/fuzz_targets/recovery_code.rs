//! A recovery code as typed: refused with a reason, or read back from its own words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::identity::RecoveryCode;

fuzz_target!(|text: &str| {
    if let Ok(code) = text.parse::<RecoveryCode>() {
        assert_eq!(code.words().parse(), Ok(code.clone()));
    }
});
