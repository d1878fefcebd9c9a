//! `sotto`: the client's contract as JSON-RPC on stdio, as a chat in the terminal, and for browsers.
//!
//! All are thin: whatever they do, they do through [`sotto_client::Host`].

mod args;
mod chat;
mod failure;
mod passphrase;
mod profiles;
mod rpc;
mod web;

use std::process::ExitCode;

use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use args::{Args, Command};
use failure::Failure;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failure::system(&error).report(),
    };
    let result = runtime.block_on(run(args));
    // A keychain that never answers, or a line that is never typed, must not hold the exit.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(stop.clone()));
    let result = match args.command {
        Command::Rpc(rpc) => rpc::run(rpc, stop).await,
        Command::Chat(chat) => chat::run(chat, stop).await,
        Command::Web(web) => web::run(web, stop).await,
        Command::Profile(profile) => profiles::run(profile, stop).await,
    };
    signals.abort();
    result
}

/// Cancels `stop` when the process is asked to end.
async fn cancel_on_signal(stop: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut hangup)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
    stop.cancel();
}
