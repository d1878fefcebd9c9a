//! `call`: everything of the contract, by a method's name and its parameters.

use serde::Deserialize;
use serde_json::{Map, Value};
use sotto_client::contract::{Call, CallError, Problem};
use tauri::ipc::{Invoke, InvokeBody, InvokeError};
use tauri::{Manager as _, Runtime};

use crate::order::Order;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    #[serde(default)]
    params: Map<String, Value>,
}

/// Takes a call's place in the order before the next request is looked at; a command as Tauri
/// makes them would only begin in its own task.
pub(super) fn take<R: Runtime>(invoke: Invoke<R>) -> bool {
    let Invoke {
        message, resolver, ..
    } = invoke;
    match read(message.payload()) {
        Ok(call) => {
            let answer = message.webview_ref().state::<Order>().take(call);
            resolver.respond_async(async move { answer.await.map_err(InvokeError::from) });
        }
        Err(problem) => resolver.reject(problem),
    }
    true
}

fn read(body: &InvokeBody) -> Result<Call, Problem> {
    let asked = match body {
        InvokeBody::Json(value) => Asked::deserialize(value),
        InvokeBody::Raw(bytes) => serde_json::from_slice(bytes),
    };
    asked
        .map_err(|error| CallError::BadParameters(error.to_string()))
        .and_then(|Asked { method, params }| Call::from_method(&method, params))
        .map_err(|error| error.problem())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(body: Value) -> String {
        read(&InvokeBody::Json(body)).unwrap_err().code
    }

    #[test]
    fn a_call_is_a_method_and_its_parameters() {
        let version = json!({ "method": "version", "params": {} });
        assert!(read(&InvokeBody::Json(version)).is_ok());
        assert!(read(&InvokeBody::Json(json!({ "method": "version" }))).is_ok());
        let account = json!({ "method": "account", "params": { "profile": "alice" } });
        assert!(read(&InvokeBody::Json(account)).is_ok());
    }

    #[test]
    fn what_can_not_be_understood_is_a_problem_in_words() {
        assert_eq!(code(json!({ "method": "nothing" })), "call_unknown");
        assert_eq!(code(json!({ "method": "account" })), "call_without_profile");
        assert_eq!(code(json!({ "method": 7 })), "call_parameters");
        assert_eq!(code(json!([])), "call_parameters");
        assert_eq!(
            code(json!({ "method": "version", "other": 1 })),
            "call_parameters"
        );
        let raw = read(&InvokeBody::Raw(b"{".to_vec())).unwrap_err();
        assert_eq!(raw.code, "call_parameters");
    }
}
