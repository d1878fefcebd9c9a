//! `sotto rpc`: JSON-RPC 2.0, one JSON a line. Standard error is for people.

use std::sync::Arc;

use sotto_client::{Host, rpc};
use tokio_util::sync::CancellationToken;

use crate::args::DataArgs;
use crate::failure::Failure;

/// Serves standard input until it ends or the process is asked to.
pub(crate) async fn run(args: DataArgs, stop: CancellationToken) -> Result<(), Failure> {
    let host = Arc::new(Host::new(args.config()?, CancellationToken::new()));
    let result = rpc::serve(
        Arc::clone(&host),
        tokio::io::stdin(),
        tokio::io::stdout(),
        stop,
    )
    .await;
    host.close().await;
    Ok(result?)
}
