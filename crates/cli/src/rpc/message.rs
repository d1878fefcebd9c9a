//! What a line says, and what a line says back (JSON-RPC 2.0, sections 4 and 5).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sotto_client::contract::{Answer, Call, CallError, Problem, Published};

/// Longest line, in bytes: a text of 64 KiB with every byte escaped, and room around it.
pub(super) const LONGEST_LINE: usize = 512 * 1024;

/// What is asked, and under which id. Without an id nobody waits for an answer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Option<Box<RawValue>>,
    pub(super) call: Result<Call, CallError>,
}

/// A line that is no request at all.
#[derive(Debug)]
pub(super) struct Unreadable {
    code: i32,
    message: &'static str,
    id: Option<Box<RawValue>>,
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
    id: Option<Box<RawValue>>,
}

/// `null` is an id like any other; only a missing one is none.
fn present<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(input).map(Some)
}

impl Request {
    /// Reads one line.
    pub(super) fn read(line: &[u8]) -> Result<Self, Unreadable> {
        let first = line.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return Err(Unreadable::invalid(
                "batches are not served; send one request a line",
                None,
            ));
        }
        let envelope: Envelope = match serde_json::from_slice(line) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => {
                return Err(Unreadable::invalid("a request is an object", None));
            }
            Err(_) => {
                return Err(Unreadable {
                    code: -32700,
                    message: "not JSON",
                    id: None,
                });
            }
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
        let call = match params {
            None => Call::from_method(&method, Map::new()),
            Some(Value::Object(params)) => Call::from_method(&method, params),
            Some(_) => Err(CallError::BadParameters(
                "parameters are named: an object".into(),
            )),
        };
        Ok(Self { id, call })
    }
}

impl Unreadable {
    pub(super) fn too_long() -> Self {
        Self {
            code: -32700,
            message: "the line is too long",
            id: None,
        }
    }

    fn invalid(message: &'static str, id: Option<Box<RawValue>>) -> Self {
        Self {
            code: -32600,
            message,
            id,
        }
    }

    /// The line that says so.
    pub(super) fn line(self) -> Vec<u8> {
        let error = ErrorObject {
            code: self.code,
            message: self.message.into(),
            data: None,
        };
        line(&Response {
            jsonrpc: "2.0",
            id: self.id,
            outcome: Outcome::Error(error),
        })
    }
}

#[derive(Serialize)]
struct Response {
    jsonrpc: &'static str,
    // None is written as null, which is what the standard wants where the id can't be told.
    id: Option<Box<RawValue>>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Result(Answer),
    Error(ErrorObject),
}

#[derive(Serialize)]
struct ErrorObject {
    code: i32,
    message: String,
    data: Option<Problem>,
}

#[derive(Serialize)]
struct Notification<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: &'a Published,
}

/// The line that answers a call.
pub(super) fn answer(id: Box<RawValue>, result: Result<Answer, Problem>) -> Vec<u8> {
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
    line(&Response {
        jsonrpc: "2.0",
        id: Some(id),
        outcome,
    })
}

/// The line that tells an event.
pub(super) fn event(published: &Published) -> Vec<u8> {
    line(&Notification {
        jsonrpc: "2.0",
        method: "event",
        params: published,
    })
}

fn line<T: Serialize>(value: &T) -> Vec<u8> {
    // These types have string keys and no floats: writing them into memory can't fail.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sotto_client::contract;

    use super::*;

    fn code_of(line: &str) -> i64 {
        let answer = match Request::read(line.as_bytes()) {
            Err(unreadable) => unreadable.line(),
            Ok(Request { id, call }) => answer(
                id.expect("an id"),
                Err(call.expect_err("an error").problem()),
            ),
        };
        serde_json::from_slice::<Value>(&answer).unwrap()["error"]["code"]
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
        let id = RawValue::from_string("7".into()).unwrap();
        let bytes = answer(id, Err(CallError::NotOpen.problem()));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["error"]["code"], -32000);
        assert_eq!(value["error"]["data"]["code"], "profile_not_open");
        assert!(value.get("result").is_none());
    }

    #[test]
    fn every_method_can_be_read_from_its_name() {
        for method in contract::METHODS {
            let call = Call::from_method(method.name, Map::new());
            assert_ne!(
                call.unwrap_err_or_unit(),
                Some(CallError::UnknownCall),
                "{}",
                method.name
            );
        }
    }

    trait OrUnit {
        fn unwrap_err_or_unit(self) -> Option<CallError>;
    }
    impl OrUnit for Result<Call, CallError> {
        fn unwrap_err_or_unit(self) -> Option<CallError> {
            self.err()
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_reader(line: Vec<u8>) {
            if let Err(unreadable) = Request::read(&line) {
                let answer: Value = serde_json::from_slice(&unreadable.line()).unwrap();
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
            prop_assert_eq!(id_read.get(), id.as_str());
            let line = answer(id_read, Ok(Answer::Nothing(())));
            let expected = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":null}}\n");
            prop_assert_eq!(String::from_utf8(line).unwrap(), expected);
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
            let contract::Request::Command(contract::Command::SendText { text: read, .. }) =
                request.call.unwrap().request
            else {
                return Err(TestCaseError::fail("another call"));
            };
            prop_assert_eq!(read, text);
        }
    }
}
