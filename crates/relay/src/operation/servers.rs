//! NATS servers, looked at by a command that ends again.

use crate::store::nats::NatsOptions;
use crate::store::nats::inspect::{self, Look};

/// What there is on the servers.
pub(super) fn look(options: &NatsOptions) -> Result<Look, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(inspect::look(options))
        .map_err(|error| error.to_string())
}

/// What is kept on servers is not in the data folder, so that no command can take it from there.
#[derive(Debug, thiserror::Error)]
#[error(
    "this relay keeps everything but its identity key on NATS servers, and nothing has been {done}. Stop all relays of the address, and use `nats stream {command}` for each of {streams}, all of one moment; keep identity.key of the data folder with them (docs/operating-nats.md)"
)]
pub(super) struct OnServers {
    done: &'static str,
    command: &'static str,
    streams: String,
}

impl OnServers {
    /// `sotto-relay backup` was asked for.
    pub(super) fn backup(options: &NatsOptions) -> Self {
        Self {
            done: "copied",
            command: "backup",
            streams: options.streams().join(", "),
        }
    }

    /// `sotto-relay restore` was asked for.
    pub(super) fn restore(options: &NatsOptions) -> Self {
        Self {
            done: "changed",
            command: "restore",
            ..Self::backup(options)
        }
    }
}
