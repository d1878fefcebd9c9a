//! `sotto web`: the screens, in browsers on this machine.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use serde_json::json;
use sotto_client::contract::Start;
use sotto_client::{Host, rpc};
use sotto_web::{Config, Screens, Told, Web};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::args::WebArgs;
use crate::chat::clean;
use crate::failure::Failure;

/// Serves browsers until the process is asked to end; with `--rpc` also until the input ends.
pub(crate) async fn run(args: WebArgs, stop: CancellationToken) -> Result<(), Failure> {
    let host = Arc::new(Host::new(args.data.config()?, CancellationToken::new()));
    let result = serve(args, Arc::clone(&host), stop).await;
    host.close().await;
    result
}

async fn serve(args: WebArgs, host: Arc<Host>, stop: CancellationToken) -> Result<(), Failure> {
    let start = Start {
        profile: args.profile,
        relay: args.relay,
        device_name: "browser".into(),
    };
    let screens = Screens::built_in().map_err(|error| error.problem())?;
    let config = Config {
        port: args.port,
        ..Config::new(start, screens)
    };
    let (tell, told) = mpsc::unbounded_channel();
    let web = Web::bind(config, Arc::clone(&host), tell)
        .await
        .map_err(|error| error.problem())?;
    if !args.rpc {
        tokio::join!(web.run(stop), say(told));
        return Ok(());
    }
    let (lines, said) = mpsc::channel(16);
    let ended = stop.clone();
    let talking = async {
        let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
        let result = rpc::serve_and_tell(host, input, output, said, ended.clone()).await;
        // The program that started us has gone.
        ended.cancel();
        result
    };
    let (result, (), ()) = tokio::join!(talking, web.run(stop), notify(told, lines));
    Ok(result?)
}

/// Addresses on standard output, one a line; words for people on standard error.
async fn say(mut told: mpsc::UnboundedReceiver<Told>) {
    if std::io::stderr().is_terminal() {
        eprintln!(
            "Sotto is for browsers on this machine. Open this address; it lets in one browser, \
             once, and then the next one follows. Ctrl+C ends Sotto."
        );
    }
    while let Some(told) = told.recv().await {
        if let Some(problem) = told.problem() {
            let words = format!("{} {} {}", problem.happened, problem.safe, problem.next);
            eprintln!("{}", clean::line(&words));
        }
        if let Told::Address(address) = told {
            let mut output = std::io::stdout().lock();
            // Whoever reads it may have gone; who is in stays in.
            let _ = writeln!(output, "{address}").and_then(|()| output.flush());
        }
    }
}

/// The same as notifications.
async fn notify(mut told: mpsc::UnboundedReceiver<Told>, lines: mpsc::Sender<String>) {
    while let Some(told) = told.recv().await {
        let line = match (&told, told.problem()) {
            (_, Some(problem)) => rpc::notification("problem", &problem),
            (Told::Address(url), None) => rpc::notification("address", &json!({ "url": url })),
            (Told::TokenStolen(_), None) => continue,
        };
        if lines.send(line).await.is_err() {
            return;
        }
    }
}
