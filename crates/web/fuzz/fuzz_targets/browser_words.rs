//! What a browser, or a program that is none, says first: read or refused, answered by JSON, and
//! never let in without the session. And whatever follows is a request, or answered by an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sotto_client::contract::Start;
use sotto_client::rpc::{Request, answer};
use sotto_web::outside::{judge, token_of};

/// Its id may be a number that is none in Rust, and need not be read.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "error")]
    _error: IgnoredAny,
}

fuzz_target!(|bytes: &[u8]| {
    let _ = token_of(bytes);
    let start = Start {
        profile: "main".parse().unwrap(),
        relay: None,
        device_name: "browser".into(),
    };
    let (said, is_in) = judge(bytes, &start, true, |_| false);
    assert!(!is_in);
    assert!(serde_json::from_str::<Said>(&said).is_ok());
    let said = match Request::read(bytes) {
        Err(unreadable) => unreadable.answer(),
        Ok(request) => {
            let (id, call) = request.into_call();
            answer(
                id.as_ref(),
                call.map(|_| ()).map_err(|error| error.problem()),
            )
        }
    };
    assert!(serde_json::from_str::<IgnoredAny>(&said).is_ok());
});
