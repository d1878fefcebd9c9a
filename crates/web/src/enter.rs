//! A tab's first message: who it is, and which contract its screens speak.

use serde::Deserialize;
use sotto_client::contract::{self, CallError, Problem, Start};
use sotto_client::rpc::{Request, answer};
use sotto_suite::Secret;

use crate::problem::Refused;
use crate::sessions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enter {
    session: String,
    contract: u32,
}

/// Judges the first message: what is answered, and whether the tab is in.
pub(crate) fn judge(
    message: &[u8],
    start: &Start,
    has_room: bool,
    known: impl FnOnce(&Secret<32>) -> bool,
) -> (String, bool) {
    let request = match Request::read(message) {
        Ok(request) => request,
        Err(unreadable) => return (unreadable.answer(), false),
    };
    let id = request.id.clone();
    let mut result = let_in(request, known).map(|()| start);
    if result.is_ok() && !has_room {
        result = Err(Refused::TooManyTabs.problem());
    }
    let is_in = result.is_ok();
    (answer(id.as_ref(), result), is_in)
}

fn let_in(request: Request, known: impl FnOnce(&Secret<32>) -> bool) -> Result<(), Problem> {
    if request.method != "enter" {
        return Err(Refused::NotEntered.problem());
    }
    let enter: Enter = request.params().map_err(|error| error.problem())?;
    // The session first: who has none learns nothing, not even the contract.
    match sessions::secret(&enter.session) {
        Some(session) if known(&session) => {}
        _ => return Err(Refused::SessionUnknown.problem()),
    }
    if enter.contract == contract::VERSION {
        Ok(())
    } else {
        Err(CallError::OtherContract {
            ours: contract::VERSION,
            theirs: enter.contract,
        }
        .problem())
    }
}
