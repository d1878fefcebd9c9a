//! A disk that forgets what was not synced, for testing whoever claims to be durable.
//!
//! SIGKILL proves nothing about durability: the kernel keeps what a dead process wrote. Here a
//! preloaded shim writes down, in order, every write, cut, sync, rename and removal that a
//! process does in one folder. [`History`] then plays a power cut after any of these operations
//! and gives back what a disk could hold: everything synced, and of the rest nothing, all, or any
//! part in any order, torn at sectors. Names follow the same rule: a new, renamed or removed name
//! is certain only after its folder was synced.
//!
//! Linux with glibc and a C compiler; [`supported`] says so. It works with any program that is
//! linked dynamically, whatever database it uses.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may stop at the first surprise"
    )
)]

mod chance;
mod disk;
mod history;
mod image;
mod live;
mod log;
mod watch;

pub use disk::{Disk, Fate};
pub use history::History;
pub use image::Image;
pub use live::Live;
pub use log::Broken;
pub use watch::{Watch, supported};
