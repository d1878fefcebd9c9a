//! Bytes that drive two or three engines and a relay: whatever they decide, every promise holds.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sotto_simulation::plan::{CHOSEN, Plan};
use sotto_simulation::run::{Stage, play};

/// Steps in one input; longer ones are cut.
const STEPS: usize = 24;

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::new(Stage::new());
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(1 + STEPS * CHOSEN)];
    let outcome = STAGE.with_borrow_mut(|stage| play(&Plan::driven(bytes), stage));
    if outcome.broken.is_some() {
        panic!("{}\n\n{}", outcome.detail, outcome.story);
    }
});
