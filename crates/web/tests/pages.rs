//! What a browser is served, and what it is told about it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod world;

use sotto_web::{File, Screens, StartError};
use world::Running;

#[tokio::test]
async fn the_page_is_asked_for_anew_and_its_parts_are_kept() {
    let web = Running::start().await;
    let page = web.ask("GET", "/", &[], b"").await;
    assert_eq!(
        (page.status, page.text()),
        (200, "<!doctype html><title>Sotto</title>")
    );
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let part = web.ask("GET", "/assets/main-abc.js", &[], b"").await;
    assert_eq!(
        (part.status, part.text(), part.header("cache-control")),
        (200, "void 0", Some("public, max-age=31536000, immutable"))
    );
    // Known already: only that is said.
    let mark = page.header("etag").unwrap();
    let known = web.ask("GET", "/", &[("If-None-Match", mark)], b"").await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(mark));
    let head = web.ask("HEAD", "/", &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("35"));
    web.stop().await;
}

#[tokio::test]
async fn it_is_compressed_for_whoever_takes_that() {
    let web = Running::start().await;
    for takes in ["gzip", "br, gzip;q=0.5", "GZIP", "deflate,gzip ; q=1"] {
        let page = web
            .ask("GET", "/", &[("Accept-Encoding", takes)], b"")
            .await;
        assert_eq!(page.header("content-encoding"), Some("gzip"), "{takes}");
        assert_eq!(
            (page.text(), page.header("vary")),
            ("shorter", Some("accept-encoding"))
        );
    }
    for refuses in ["br", "gzip;q=0", "identity", "gzip; q=0.0", "x-gzip"] {
        let page = web
            .ask("GET", "/", &[("Accept-Encoding", refuses)], b"")
            .await;
        assert_eq!(page.header("content-encoding"), None, "{refuses}");
        assert!(page.text().starts_with("<!doctype"));
    }
    let small = web
        .ask("GET", "/", &[("Accept-Encoding", "gzip")], b"")
        .await;
    let whole = web.ask("GET", "/", &[], b"").await;
    assert_ne!(small.header("etag"), whole.header("etag"));
    web.stop().await;
}

#[tokio::test]
async fn every_answer_carries_the_policies_and_words() {
    let mut web = Running::start().await;
    let origin = web.origin();
    let token = web.token().await;
    let ours = ("Origin", origin.as_str());
    let body = format!("{{\"token\":\"{token}\"}}");
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let asked: &[(&str, &str, Headers<'_>, &str, u16)] = &[
        ("GET", "/", &[], "", 200),
        ("GET", "/assets/main-abc.js", &[], "", 200),
        ("GET", "/nothing", &[], "", 404),
        ("GET", "/assets/", &[], "", 404),
        ("GET", "/assets/../index.html", &[], "", 404),
        ("GET", "//index.html", &[], "", 404),
        ("GET", "/%2e%2e/index.html", &[], "", 404),
        ("GET", "/index.html?x#y", &[], "", 200),
        ("DELETE", "/", &[], "", 405),
        ("OPTIONS", "/session", &[ours], "", 405),
        ("GET", "/session", &[], "", 405),
        ("POST", "/contract", &[ours], "x", 405),
        ("GET", "/contract", &[], "", 403),
        ("GET", "/contract", &[ours], "", 426),
        ("POST", "/session", &[ours], "x", 400),
        ("POST", "/session", &[], "x", 403),
        ("POST", "/session", &[ours], &body, 200),
        ("POST", "/session", &[ours], &body, 401),
    ];
    for (method, path, headers, body, status) in asked {
        let response = web.ask(method, path, headers, body.as_bytes()).await;
        assert_eq!(response.status, *status, "{method} {path}");
        response.has_policies(web.port);
        if response.status >= 400 {
            assert!(response.text().contains("Sotto"), "{method} {path}");
            let plain = response.header("content-type").unwrap();
            if plain.starts_with("application/json") {
                world::code(&response.json());
            }
        }
    }
    web.stop().await;
}

#[test]
fn without_a_page_it_does_not_start() {
    const PARTS: &[File] = &[File {
        path: "assets/main.js",
        content_type: "text/javascript",
        mark: "1",
        raw: b"",
        gzip: None,
    }];
    for files in [&[][..], PARTS] {
        let Err(error) = Screens::of(files) else {
            panic!("screens without a page");
        };
        assert!(matches!(error, StartError::ScreensMissing));
        let problem = error.problem();
        assert_eq!(problem.code, "screens_missing");
        assert!(problem.next.contains("cargo xtask ui"));
    }
}

#[test]
fn what_is_built_in_is_whole() {
    use std::io::Read as _;
    let Ok(screens) = Screens::built_in() else {
        // Built without; the program says so when it is started.
        return;
    };
    let mut seen = 0;
    for file in screens.files() {
        seen += 1;
        assert_ne!(
            file.content_type, "application/octet-stream",
            "{}",
            file.path
        );
        assert_eq!(file.mark.len(), 16);
        let Some(gzip) = file.gzip else { continue };
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(gzip)
            .read_to_end(&mut whole)
            .unwrap();
        assert!(
            whole == file.raw && gzip.len() < whole.len(),
            "{}",
            file.path
        );
    }
    assert!(seen > 0);
}
