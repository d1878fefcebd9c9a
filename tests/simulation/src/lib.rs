//! A whole world from one number: people with real engines and real encrypted databases, a model
//! relay, and everything that can go wrong between them, in one thread.
//!
//! Where to find what: [`plan`] says what a seed means; `world` takes the steps, `beginning` is
//! one that others go on from; `person` is
//! somebody with a device; `verbs` is what people do and `faults` what happens to them; `network`
//! carries frames, `machine` is the disks under them, `hostile` the relay when it lies; `model`
//! says what everybody should see, and `invariants` compares; `lies` is what lies must look like,
//! `ending` the quiet at the end, `story` what is told afterwards, and [`shrink`] makes it short.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a world may stop at the first surprise: the surprise is what it was made for"
)]

mod beginning;
mod chance;
mod ending;
mod faults;
mod hostile;
mod invariants;
mod lies;
mod machine;
mod model;
mod network;
mod person;
pub mod plan;
pub mod run;
pub mod shrink;
mod story;
mod verbs;
mod wire;
mod world;
