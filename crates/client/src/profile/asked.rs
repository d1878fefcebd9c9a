//! What a profile's thread can be asked.

use sotto_engine::{Command, Done, Problem};
use tokio::sync::oneshot;

/// One question to the owner of the engine.
#[derive(Debug)]
pub(super) enum Asked {
    /// A command and where its result goes.
    Command(Command, oneshot::Sender<Result<Done, Problem>>),
    /// Try the relays again now.
    ReconnectRelays,
}
