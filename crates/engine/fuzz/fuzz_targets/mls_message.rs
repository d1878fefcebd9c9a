//! A key package, a Welcome with its tree or a message: refused, or nothing of it stays once it is put back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::mls_message(bytes);
});
