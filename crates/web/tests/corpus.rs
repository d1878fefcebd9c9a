//! What fuzzing starts from, and what it found, through the same readers.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use serde::Deserialize;
use serde::de::IgnoredAny;
use sotto_client::contract::Start;
use sotto_client::rpc::{Request, answer};
use sotto_web::outside::{judge, token_of};

/// JSON with an error in it. Its id may be a number that is none in Rust, and need not be read.
fn is_error(said: &str) -> bool {
    #[derive(Deserialize)]
    struct Said {
        #[serde(rename = "error")]
        _error: IgnoredAny,
    }
    serde_json::from_str::<Said>(said).is_ok()
}

#[test]
fn the_corpus_still_does_no_harm() {
    let folder = format!("{}/fuzz/corpus/browser_words", env!("CARGO_MANIFEST_DIR"));
    let start = Start {
        profile: "main".parse().unwrap(),
        relay: None,
        device_name: "browser".into(),
    };
    let (mut seen, mut tokens, mut requests) = (0, 0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        tokens += usize::from(matches!(token_of(&bytes), Some(Some(_))));
        let (said, is_in) = judge(&bytes, &start, true, |_| false);
        assert!(!is_in);
        assert!(is_error(&said), "{said}");
        let said = match Request::read(&bytes) {
            Err(unreadable) => unreadable.answer(),
            Ok(request) => {
                requests += 1;
                let (id, call) = request.into_call();
                let call = call.map(|_| ()).map_err(|error| error.problem());
                answer(id.as_ref(), call)
            }
        };
        assert!(serde_json::from_str::<IgnoredAny>(&said).is_ok(), "{said}");
        seen += 1;
    }
    assert!(
        seen >= 8 && tokens >= 1 && requests >= 4,
        "only {seen} files"
    );
}
