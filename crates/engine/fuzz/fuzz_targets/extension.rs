//! What a leaf says of itself, and a group's roles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::extension(bytes);
});
