//! `sotto rpc`: JSON-RPC 2.0, one JSON a line.
//!
//! Methods are the contract's calls, parameters are named; events come as notifications of the
//! method `event`. Commands of a profile are carried out in the order of their lines, also when
//! the answers are not waited for; reads may overtake. Standard error is for people.

mod message;
mod serve;

use std::sync::Arc;

use sotto_client::Host;
use tokio_util::sync::CancellationToken;

use crate::args::DataArgs;
use crate::failure::Failure;

/// Serves standard input until it ends or the process is asked to.
pub(crate) async fn run(args: DataArgs, stop: CancellationToken) -> Result<(), Failure> {
    let host = Arc::new(Host::new(args.config()?, CancellationToken::new()));
    let result = serve::serve(
        Arc::clone(&host),
        tokio::io::stdin(),
        tokio::io::stdout(),
        stop,
    )
    .await;
    host.close().await;
    Ok(result?)
}
