//! Another implementation of Fernet, Python's `cryptography`, opens our tokens
//! and writes tokens that we open.
//!
//! Needs `python3` with `cryptography` (Debian: `python3-cryptography`). Where
//! they are missing these tests fail and say so; passing without the other
//! implementation would prove nothing.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sotto_suite::record;
use sotto_suite::{FernetKey, Secret};

use crate::people::{alice_and_bob, text};
use crate::tapped::Tapped;

const MISSING: &str = "needs python3 with the package `cryptography` \
    (Debian and Ubuntu: apt-get install python3-cryptography)";

/// Runs a program of a few lines on one JSON value.
fn python(program: &str, input: &Value) -> Value {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{MISSING}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !errors.contains("ModuleNotFoundError"),
        "{MISSING}: {errors}"
    );
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const OPEN: &str = "\
import json, sys
from cryptography.fernet import Fernet
cases = json.load(sys.stdin)
print(json.dumps([Fernet(c['key']).decrypt(c['token'].encode()).hex() for c in cases]))
";

const SEAL: &str = "\
import json, sys
from cryptography.fernet import Fernet
cases = json.load(sys.stdin)
print(json.dumps([Fernet(c['key']).encrypt_at_time(bytes.fromhex(c['plain']), c['time']).decode() for c in cases]))
";

#[test]
fn python_opens_the_token_in_a_conversation() {
    let tapped = Tapped::new();
    let (mut alice, mut bob) = alice_and_bob(tapped.clone(), record_suite());
    let message = alice
        .encrypt_application_message(b"the quiet voice", vec![])
        .unwrap();
    let wire = message.to_bytes().unwrap();

    // The record whose plain text holds the message, and its token on the wire.
    let mut sealed = tapped.sealed.lock().unwrap();
    let record = sealed.pop().unwrap();
    let content = sealed.pop().unwrap();
    drop(sealed);
    assert!(contains(&content.plain, b"the quiet voice"));
    assert!(contains(&wire, &content.token));
    assert!(contains(&wire, &record.token), "sender data is a token too");
    assert!(!contains(&wire, b"the quiet voice"));

    let cases = [&content, &record].map(|sealed| {
        json!({
            "key": sealed.key.to_base64().as_str(),
            "token": core::str::from_utf8(&sealed.token).unwrap(),
        })
    });
    let opened = python(OPEN, &json!(cases));
    assert_eq!(opened[0], hex::encode(&content.plain));
    assert_eq!(opened[1], hex::encode(&record.plain));

    let received = bob.process_incoming_message(message).unwrap();
    assert_eq!(text(received), b"the quiet voice");
}

#[test]
fn python_opens_tokens_of_every_size_and_we_open_python_s() {
    let plains: Vec<Vec<u8>> = [0, 1, 15, 16, 17, 100, 1000, 70_000]
        .into_iter()
        .map(|len| (0..len).map(|i: u32| i.to_le_bytes()[0]).collect())
        .collect();
    let key = record::record_key(&[1; 32], &[2; 12], b"aad");
    let base64 = key.to_base64();

    let cases: Vec<Value> = plains
        .iter()
        .map(|plain| json!({ "key": base64.as_str(), "token": key.seal(plain) }))
        .collect();
    for (opened, plain) in python(OPEN, &json!(cases))
        .as_array()
        .unwrap()
        .iter()
        .zip(&plains)
    {
        assert_eq!(opened, &json!(hex::encode(plain)));
    }

    let cases: Vec<Value> = plains
        .iter()
        .map(|plain| json!({ "key": base64.as_str(), "plain": hex::encode(plain), "time": 0 }))
        .collect();
    let tokens = python(SEAL, &json!(cases));
    for (token, plain) in tokens.as_array().unwrap().iter().zip(&plains) {
        let opened = key.open(token.as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(&*opened, plain);
    }
}

#[test]
fn a_token_that_python_dates_is_refused() {
    let key = FernetKey::new(Secret::new([3; 32]));
    let case = json!([{ "key": key.to_base64().as_str(), "plain": "00", "time": 1 }]);
    let token = python(SEAL, &case)[0].as_str().unwrap().to_owned();
    assert!(key.open(token.as_bytes()).is_err());
}

fn record_suite() -> mls_rs::CipherSuite {
    sotto_suite::provider::SUITE
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
