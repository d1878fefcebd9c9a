//! `sotto-app`: the client's contract in a window.
//!
//! No chat logic: a page asks, [`sotto_client::Host`] answers. What is here is what only a desktop
//! program has: a window, its place on the screen, and a quiet end.

mod app;
mod args;
#[cfg(target_os = "linux")]
mod caret;
mod commands;
mod display;
mod failure;
#[cfg(target_os = "linux")]
mod graphics;
mod leave;
mod order;
mod place;
mod rpc;
mod window;

use std::process::ExitCode;

use clap::Parser as _;

use args::Args;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    #[cfg(target_os = "linux")]
    graphics::spare_without_card();
    let result = display::check().and_then(|()| app::run(args));
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
