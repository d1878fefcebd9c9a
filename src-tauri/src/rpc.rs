//! `--rpc`: the same contract on standard input and output, for a program that started the window.

use std::sync::Arc;

use sotto_client::{Host, rpc};
use tauri::async_runtime::{self, JoinHandle};
use tokio_util::sync::CancellationToken;

/// Serves standard input until it ends, or until `stop`. The window stays either way.
pub(crate) fn begin(host: Arc<Host>, stop: CancellationToken) -> JoinHandle<()> {
    async_runtime::spawn(async move {
        let served = rpc::serve(host, tokio::io::stdin(), tokio::io::stdout(), stop).await;
        if let Err(error) = served {
            eprintln!("sotto-app: standard input or output can't be used any more ({error}).");
        }
    })
}
