//! Real programs under real faults: four people in pairs keep talking through a real relay while
//! connections are cut, swallowed, slowed and corrupted, and clients and relay are killed and
//! paused. When it is over, everything that was accepted has been shown exactly once.
//!
//! Where to find what: [`plan`] says what a seed means; [`run`] sets the stage, lets it happen and
//! waits for the quiet; `talker` is somebody who keeps talking; `network` is what lies between
//! people and relay, either a [`proxy`] of our own or `namespaces` of the system's; `verdict` says
//! what is wrong at the end, `story` what happened.

mod namespaces;
mod network;
pub mod plan;
pub mod proxy;
pub mod run;
mod story;
mod talker;
mod verdict;
