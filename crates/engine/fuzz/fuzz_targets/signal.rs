//! "Is typing", sealed and opened.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::signal(bytes);
});
