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
pub fn judge(
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::sessions::text;

    fn start() -> Start {
        Start {
            profile: "main".parse().unwrap(),
            relay: None,
            device_name: "browser".into(),
        }
    }

    fn session() -> Secret<32> {
        Secret::new([7; 32])
    }

    fn judge(message: &[u8], has_room: bool) -> (Value, bool) {
        let (answer, is_in) =
            super::judge(message, &start(), has_room, |given| *given == session());
        (serde_json::from_str(&answer).unwrap(), is_in)
    }

    #[test]
    fn the_session_lets_in_where_there_is_room() {
        let params = json!({ "session": text(&session()), "contract": contract::VERSION });
        let enter = json!({ "jsonrpc": "2.0", "id": "a", "method": "enter", "params": params });
        let enter = enter.to_string();
        let (answer, is_in) = judge(enter.as_bytes(), true);
        assert!(is_in);
        assert_eq!(answer["id"], "a");
        assert_eq!(answer["result"]["profile"], "main");
        let (answer, is_in) = judge(enter.as_bytes(), false);
        assert!(!is_in);
        assert_eq!(answer["error"]["data"]["code"], "web_too_many_tabs");
    }

    proptest! {
        #[test]
        fn no_message_breaks_it_or_gets_in(message: Vec<u8>) {
            let (answer, is_in) = judge(&message, true);
            prop_assert!(!is_in && answer["error"]["code"].is_i64());
        }

        #[test]
        fn almost_the_right_one_does_not_get_in_either(
            method in "enter|Enter|enter |version",
            given in "[A-Za-z0-9_-]{43}|BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw[a-z]|",
            theirs in 0_u32..3,
        ) {
            let params = json!({ "session": given, "contract": theirs });
            let enter = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            let right = method == "enter" && given == text(&session()) && theirs == contract::VERSION;
            let (answer, is_in) = judge(enter.to_string().as_bytes(), true);
            prop_assert_eq!(is_in, right);
            prop_assert_eq!(answer.get("result").is_some(), right);
        }
    }
}
