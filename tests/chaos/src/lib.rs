//! Real programs under real faults: four people in pairs keep talking through a real relay while
//! connections are cut, swallowed, slowed and corrupted, and clients and relay are killed and
//! paused. When it is over, everything that was accepted has been shown exactly once.
//!
//! Where to find what: [`plan`] says what a seed means; [`run`] plays it; `scene` is everybody and
//! everything while things go wrong, `talker` somebody who keeps talking; `network` is what lies
//! between people and relay, either a [`proxy`] of our own or `namespaces` of the system's; `quiet`
//! is the end, and `verdict` says what is wrong there; `report` and `story` tell what happened.

mod namespaces;
mod network;
pub mod plan;
pub mod proxy;
mod quiet;
mod report;
pub mod run;
mod scene;
mod story;
mod talker;
mod verdict;
