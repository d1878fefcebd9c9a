//! From settings to a relay that serves, and back to nothing.

use std::future::Future;
use std::io::Write as _;

use tokio::net::TcpListener;

use crate::config::load::{Loaded, Sources};
use crate::config::settings::{LogFormat, Settings};
use crate::open_files;
use crate::server::{Relay, StartError};
use crate::store::Store;

use super::Ended;
use super::log::Log;
use super::notify;
use super::reload::Reload;
use super::welcome;

/// Runs until it is told to stop.
pub(super) fn run(sources: Sources) -> Result<(), Ended> {
    let loaded = sources.load()?;
    let log = Log::start(loaded.settings.log, loaded.settings.log_level);
    for notice in &loaded.notices {
        tracing::warn!(%notice, "a setting that is none");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    Ok(runtime.block_on(serve(sources, loaded, log))?)
}

async fn serve(sources: Sources, loaded: Loaded, log: Log) -> Result<(), String> {
    let settings = loaded.settings;
    let connections = settings.config.limits.connections;
    if let Some(allowed) = open_files::too_few(open_files::raise(), connections) {
        tracing::warn!(
            allowed,
            connections,
            "fewer open files are allowed than connections: those beyond are not accepted"
        );
    }
    // Asked before anything is made: at the very first start there is more to say.
    let first = !settings.config.data.join("identity.key").exists();
    let listener = listen(&settings.listen, "listen").await?;
    let metrics = match &settings.metrics_listen {
        Some(address) => Some(listen(address, "metrics-listen").await?),
        None => None,
    };
    let config = settings.config.clone();
    let ready = Ready {
        sources,
        settings,
        log,
        metrics,
        first,
    };
    match ready.settings.store.clone() {
        None => ready.serve(Relay::bind(config, listener)).await,
        Some(options) => {
            ready
                .serve(Relay::join(config, options, listener).await)
                .await
        }
    }
}

/// Everything but the relay.
struct Ready {
    sources: Sources,
    settings: Settings,
    log: Log,
    metrics: Option<TcpListener>,
    first: bool,
}

impl Ready {
    async fn serve<S: Store>(self, relay: Result<Relay<S>, StartError>) -> Result<(), String> {
        let Self {
            sources,
            settings,
            log,
            metrics,
            first,
        } = self;
        let relay = relay.map_err(|error| error.to_string())?;
        // Before anybody can know that the relay is there, it knows how to be stopped and reloaded.
        let stop = told_to_stop().map_err(|error| format!("can't listen for signals: {error}"))?;
        let reload = Reload {
            sources,
            settings: settings.clone(),
            controls: relay.controls(),
            log,
        };
        let reloading =
            on_hangup(reload).map_err(|error| format!("can't listen for signals: {error}"))?;
        let address = relay.address().to_string();
        // The one line that other programs wait for.
        let mut out = std::io::stdout();
        writeln!(out, "{address}")
            .and_then(|()| out.flush())
            .map_err(|error| format!("can't print the address: {error}"))?;
        greet(&settings, &address, first);
        notify::tell("READY=1");
        relay.run_with(metrics, stop).await;
        reloading.abort();
        Ok(())
    }
}

/// The next steps, for a person: whoever looks at a terminal, and at the very first start whoever
/// reads the log. Lines of JSON are for programs.
fn greet(settings: &Settings, address: &str, first: bool) {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    if terminal || (first && settings.log == LogFormat::Text) {
        eprint!("{}", welcome::text(settings, address, terminal));
    }
    tracing::info!("ready");
}

async fn listen(address: &str, setting: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{address} is in use; is another relay running? Choose another port with --{setting}"
            ),
            std::io::ErrorKind::PermissionDenied => format!(
                "this user may not listen on {address}; choose a port from 1024 on with --{setting}, or give the program the right to (see docs/operating.md)"
            ),
            std::io::ErrorKind::AddrNotAvailable => format!(
                "{address} is no address of this machine; 0.0.0.0 stands for all of them: --{setting} 0.0.0.0:7443"
            ),
            _ => format!("can't listen on {address}: {error}"),
        })
}

/// Done when the system or the person at the terminal asks the process to end. Asked a second time
/// the process ends at once: what the store has committed is kept, and nothing else was promised.
/// The signals are listened for from the call on, not from the first poll.
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
        {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tokio::spawn(async move {
                // As a shell says it: 128 and the signal's number.
                let code = tokio::select! {
                    _ = terminate.recv() => 143,
                    _ = interrupt.recv() => 130,
                };
                tracing::warn!("told to stop again: ending at once");
                std::process::exit(code);
            });
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
        notify::tell("STOPPING=1");
        tracing::info!("stopping");
    })
}

/// Reloads at every SIGHUP.
fn on_hangup(reload: Reload) -> std::io::Result<tokio::task::JoinHandle<()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                reload.run();
            }
        }))
    }
    #[cfg(not(unix))]
    Ok(tokio::spawn(async move { drop(reload) }))
}
