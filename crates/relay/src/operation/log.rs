//! The log, on standard error. It names nobody: what may be written is decided where it is
//! written, and only this program's own lines get through, never those of a library.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::settings::LogFormat;

/// Changes which lines there are.
#[derive(Clone)]
pub(super) struct Log(reload::Handle<Targets, Registry>);

impl Log {
    /// Starts it; once a process.
    pub(super) fn start(format: LogFormat, level: LevelFilter) -> Self {
        let (filter, handle) = reload::Layer::new(ours(level));
        let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
        let lines = match format {
            LogFormat::Json => lines.json().boxed(),
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Self(handle)
    }

    pub(super) fn set_level(&self, level: LevelFilter) {
        if let Err(error) = self.0.reload(ours(level)) {
            tracing::error!(%error, "the log's level could not be changed");
        }
    }
}

fn ours(level: LevelFilter) -> Targets {
    Targets::new().with_target("sotto_relay", level)
}
