//! A relay as an operator meets it: settings, reload, commands, pages, certificates. Real processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../common/mod.rs"]
mod common;

mod acme;
mod authority;
mod counters;
mod keeping;
mod pages;
mod program;
mod reload;
mod servers;
mod settings;
mod watching;
