//! The pages for people. What they look like, and that their script is let run, is seen in
//! `tests/ui/browser/relay_pages.spec.ts`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sotto_suite::hash::sha256;
use sotto_wire::RelayAddress;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::transport;
use crate::program::Running;

async fn get(address: &RelayAddress, path: &str) -> (String, String) {
    let (mut stream, _) = transport(address).await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn they_say_what_this_is_and_load_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::on(folder.path(), &[]);
    let address = relay.address.to_string();
    for (path, expected, has_script) in [
        (
            "/",
            vec!["can't read", &address, "<svg class=\"code\""],
            false,
        ),
        ("/i", vec!["after the #", "id=\"open\" hidden"], true),
    ] {
        let (head, body) = get(&relay.address, path).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        for part in expected {
            assert!(body.contains(part), "{part} in {body}");
        }
        for header in [
            "content-type: text/html; charset=utf-8",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "default-src 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert!(
            !head.contains("set-cookie") && !head.contains("unsafe"),
            "{head}"
        );
        // Each piece that runs or draws is named by its hash, and there is no other.
        let inside = |tag: &str| {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let mut pieces = body.split(&open);
            let piece = pieces.nth(1)?.split(&close).next()?;
            assert_eq!(pieces.next(), None, "one {tag}");
            Some(
                format!("'sha256-{}'", STANDARD.encode(sha256(&[piece.as_bytes()]))).to_lowercase(),
            )
        };
        let style = format!("style-src {}", inside("style").unwrap());
        assert!(head.contains(&style), "{style} in {head}");
        match inside("script") {
            Some(hash) => assert!(
                has_script && head.contains(&format!("script-src {hash}")),
                "{head}"
            ),
            None => assert!(!has_script && head.contains("script-src 'none'"), "{head}"),
        }
        // A name, not an address.
        let body = body.replace("http://www.w3.org/2000/svg", "");
        for elsewhere in [
            "http://", "https://", "src=", "url(", "@import", " style=", "onclick",
        ] {
            assert!(!body.contains(elsewhere), "{elsewhere} in {body}");
        }
    }
    relay.stop();
}
