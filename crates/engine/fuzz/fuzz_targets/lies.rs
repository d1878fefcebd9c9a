//! A relay that says whatever bytes decide, in well-formed frames: people keep what they have.
#![no_main]

#[path = "../../tests/lying/mod.rs"]
mod lying;
#[path = "../../tests/world/mod.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lying::any_relay(bytes));
