//! `sotto-relay`: one relay, from the command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use sotto_relay::{Config, Relay};

/// A Sotto relay: passes sealed messages on and can't read them.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of identity key, certificate and store; made if missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443")]
    listen: String,
    /// Host name that clients shall use; stands in the relay's address
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Without TLS; on a loopback address only
    #[arg(long)]
    plain: bool,
    /// Let browsers in whose pages come from this origin; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Access token that every client has to name
    #[arg(long, env = "SOTTO_RELAY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How to log, on standard error
    #[arg(long, value_enum, default_value = "text")]
    log: Log,
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// A line of JSON for each event.
    Json,
    /// For people.
    Text,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false);
    match arguments.log {
        Log::Json => log.json().init(),
        Log::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("sotto-relay: {why}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments {
        data,
        listen,
        host,
        plain,
        allow_origin,
        token,
        log: _,
    } = arguments;
    let listener = tokio::net::TcpListener::bind(&listen)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{listen} is in use; is another relay running? Choose another port with --listen"
            ),
            _ => format!("can't listen on {listen}: {error}"),
        })?;
    let config = Config {
        host,
        plain,
        allow_origins: allow_origin,
        token,
        ..Config::new(data)
    };
    let relay = Relay::bind(config, listener).map_err(|error| error.to_string())?;
    // Before anybody can know that the relay is there, it knows how to be stopped.
    let stop = told_to_stop().map_err(|error| format!("can't listen for signals: {error}"))?;
    // The one line that other programs wait for.
    let mut out = std::io::stdout();
    writeln!(out, "{}", relay.address())
        .and_then(|()| out.flush())
        .map_err(|error| format!("can't print the address: {error}"))?;
    relay.run(stop).await;
    Ok(())
}

/// Done when the system or the person at the terminal asks the process to end. The signals are
/// listened for from the call on, not from the first poll.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let (mut terminate, mut interrupt) = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
        tracing::info!("stopping");
    })
}
