//! Somebody with an invite: whatever she writes, Alice goes on.
#![no_main]

#[path = "../../tests/mallory/mod.rs"]
mod mallory;
#[path = "../../tests/world/mod.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| mallory::any_letters(bytes));
