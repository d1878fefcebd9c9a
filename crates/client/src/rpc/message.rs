//! What a message says, and what is said back (JSON-RPC 2.0, sections 4 and 5).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::contract::{Call, CallError, Problem};

/// Longest message that is taken, in bytes: a text of 64 KiB with every byte escaped, and room
/// around it.
pub const LONGEST_MESSAGE: usize = 512 * 1024;

/// The id of a request, in the spelling that it had.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Id(Box<RawValue>);

/// What is asked, and under which id. Without an id nobody waits for an answer.
#[derive(Debug)]
pub struct Request {
    /// The id, if there is one.
    pub id: Option<Id>,
    /// Name of the method.
    pub method: String,
    params: Option<Value>,
}

/// A message that is no request at all.
#[derive(Debug)]
pub struct Unreadable {
    code: i32,
    message: &'static str,
    id: Option<Id>,
}

/// The outer shape. Unknown members are passed over.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    jsonrpc: Value,
    #[serde(default)]
    method: Value,
    #[serde(default)]
    params: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    id: Option<Id>,
}

/// `null` is an id like any other; only a missing one is none.
fn present<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Id>, D::Error> {
    Box::<RawValue>::deserialize(input).map(|id| Some(Id(id)))
}

impl Request {
    /// Reads one message.
    ///
    /// # Errors
    /// It is no JSON, or no request.
    pub fn read(message: &[u8]) -> Result<Self, Unreadable> {
        let first = message.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return Err(Unreadable::invalid(
                "batches are not served; send one request at a time",
                None,
            ));
        }
        let envelope: Envelope = match serde_json::from_slice(message) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => {
                return Err(Unreadable::invalid("a request is an object", None));
            }
            Err(_) => return Err(Unreadable::garbled("not JSON")),
        };
        let Envelope {
            jsonrpc,
            method,
            params,
            id,
        } = envelope;
        if jsonrpc != "2.0" {
            return Err(Unreadable::invalid("jsonrpc must be \"2.0\"", id));
        }
        let Value::String(method) = method else {
            return Err(Unreadable::invalid("method must be a string", id));
        };
        Ok(Self { id, method, params })
    }

    /// The call of the contract that it means.
    pub fn into_call(self) -> (Option<Id>, Result<Call, CallError>) {
        let Self { id, method, params } = self;
        let call = named(params).and_then(|params| Call::from_method(&method, params));
        (id, call)
    }

    /// Its parameters, for a method that is none of the contract's calls.
    ///
    /// # Errors
    /// They are others.
    pub fn params<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let params = Value::Object(named(self.params)?);
        serde_json::from_value(params).map_err(|error| CallError::BadParameters(error.to_string()))
    }
}

fn named(params: Option<Value>) -> Result<Map<String, Value>, CallError> {
    match params {
        None => Ok(Map::new()),
        Some(Value::Object(params)) => Ok(params),
        Some(_) => Err(CallError::BadParameters(
            "parameters are named: an object".into(),
        )),
    }
}

impl Unreadable {
    /// Longer than [`LONGEST_MESSAGE`].
    #[must_use]
    pub fn too_long() -> Self {
        Self::garbled("the message is too long")
    }

    fn garbled(message: &'static str) -> Self {
        Self {
            code: -32700,
            message,
            id: None,
        }
    }

    fn invalid(message: &'static str, id: Option<Id>) -> Self {
        Self {
            code: -32600,
            message,
            id,
        }
    }

    /// The message that says so.
    #[must_use]
    pub fn answer(self) -> String {
        let error = ErrorObject {
            code: self.code,
            message: self.message.into(),
            data: None,
        };
        text(&Response::<()> {
            jsonrpc: "2.0",
            id: self.id.as_ref(),
            outcome: Outcome::Error(error),
        })
    }
}

#[derive(Serialize)]
struct Response<'a, T> {
    jsonrpc: &'static str,
    // None is written as null, which is what the standard wants where the id can't be told.
    id: Option<&'a Id>,
    #[serde(flatten)]
    outcome: Outcome<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<T> {
    Result(T),
    Error(ErrorObject),
}

#[derive(Serialize)]
struct ErrorObject {
    code: i32,
    message: String,
    data: Option<Problem>,
}

#[derive(Serialize)]
struct Notification<'a, T> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a T,
}

/// The message that answers a request. Where the id could not be told there is none.
#[must_use]
pub fn answer<T: Serialize>(id: Option<&Id>, result: Result<T, Problem>) -> String {
    let outcome = match result {
        Ok(answer) => Outcome::Result(answer),
        Err(problem) => {
            let code = match problem.code.as_str() {
                "call_unknown" => -32601,
                "call_parameters" | "call_without_profile" => -32602,
                // The range that the standard leaves to the server; `data.code` says which.
                _ => -32000,
            };
            let message = problem.happened.clone();
            Outcome::Error(ErrorObject {
                code,
                message,
                data: Some(problem),
            })
        }
    };
    text(&Response {
        jsonrpc: "2.0",
        id,
        outcome,
    })
}

/// A message that was not asked for: an event, say.
#[must_use]
pub fn notification<T: Serialize>(method: &str, params: &T) -> String {
    text(&Notification {
        jsonrpc: "2.0",
        method,
        params,
    })
}

fn text<T: Serialize>(value: &T) -> String {
    // These types have string keys and no floats: writing them into memory can't fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::{self, Answer};

    fn code_of(line: &str) -> i64 {
        let answer = match Request::read(line.as_bytes()) {
            Err(unreadable) => unreadable.answer(),
            Ok(request) => {
                let (id, call) = request.into_call();
                let error = call.expect_err("an error");
                answer::<()>(id.as_ref(), Err(error.problem()))
            }
        };
        serde_json::from_str::<Value>(&answer).unwrap()["error"]["code"]
            .as_i64()
            .unwrap()
    }

    #[test]
    fn mistakes_have_the_standards_codes() {
        assert_eq!(code_of("{"), -32700);
        assert_eq!(code_of("\u{feff}{}"), -32700);
        assert_eq!(code_of("[]"), -32600);
        assert_eq!(code_of("7"), -32600);
        assert_eq!(code_of(r#"{"id":1,"method":"version"}"#), -32600);
        assert_eq!(code_of(r#"{"jsonrpc":"2.0","id":1,"method":7}"#), -32600);
        assert_eq!(
            code_of(r#"{"jsonrpc":"2.0","id":1,"method":"nothing"}"#),
            -32601
        );
        assert_eq!(
            code_of(r#"{"jsonrpc":"2.0","id":1,"method":"version","params":[1]}"#),
            -32602
        );
        assert_eq!(
            code_of(r#"{"jsonrpc":"2.0","id":1,"method":"account"}"#),
            -32602
        );
        assert_eq!(
            code_of(r#"{"jsonrpc":"2.0","id":1,"method":"account","params":{"profile":"../x"}}"#),
            -32602
        );
        assert_eq!(
            code_of(r#"{"jsonrpc":"2.0","id":1,"method":"version","params":{"manage":"x"}}"#),
            -32602
        );
    }

    #[test]
    fn an_error_carries_the_problem() {
        let id = Id(RawValue::from_string("7".into()).unwrap());
        let text = answer::<()>(Some(&id), Err(CallError::NotOpen.problem()));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["error"]["code"], -32000);
        assert_eq!(value["error"]["data"]["code"], "profile_not_open");
        assert!(value.get("result").is_none());
    }

    #[test]
    fn every_method_can_be_read_from_its_name() {
        for method in contract::METHODS {
            let call = Call::from_method(method.name, Map::new());
            assert_ne!(call.err(), Some(CallError::UnknownCall), "{}", method.name);
        }
    }

    proptest! {
        #[test]
        fn no_message_breaks_the_reader(message: Vec<u8>) {
            if let Err(unreadable) = Request::read(&message) {
                let answer: Value = serde_json::from_str(&unreadable.answer()).unwrap();
                prop_assert_eq!(&answer["jsonrpc"], "2.0");
            }
        }

        #[test]
        fn almost_requests_do_not_either(
            id in "0|[1-9][0-9]{0,29}|\"[a-z]{0,9}\"|null|\\[1\\]|\\{\\}|1\\.50|-0",
            method in "[a-z_]{0,20}",
            params in "\\{\\}|null|\\{\"profile\":\"a\"\\}|[0-9]|\\{\"profile\":\\{\\}\\}",
        ) {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
            let request = Request::read(line.as_bytes()).unwrap();
            // The id comes back as it was spelled, whatever it is.
            let id_read = request.id.unwrap();
            prop_assert_eq!(id_read.0.get(), id.as_str());
            let said = answer(Some(&id_read), Ok(Answer::Nothing(())));
            let expected = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":null}}");
            prop_assert_eq!(said, expected);
        }

        #[test]
        fn texts_arrive_as_they_are(text: String) {
            let params = serde_json::json!({
                "profile": "alice", "conversation": "00".repeat(16), "text": text,
            });
            let line = serde_json::json!({
                "jsonrpc": "2.0", "method": "send_text", "params": params,
            });
            let request = Request::read(line.to_string().as_bytes()).unwrap();
            prop_assert!(request.id.is_none());
            let (_, call) = request.into_call();
            let contract::Request::Command(contract::Command::SendText { text: read, .. }) =
                call.unwrap().request
            else {
                return Err(TestCaseError::fail("another call"));
            };
            prop_assert_eq!(read, text);
        }
    }
}
