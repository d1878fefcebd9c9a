//! Content of an MLS message as a member has written it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::content(bytes);
});
