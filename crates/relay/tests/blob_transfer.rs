//! Blobs through a real relay: put in with interruptions, fetched in ranges, kept, deleted, refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::blob::Blob;
use common::http::{http, parse};
use common::*;
use sotto_relay::store::sqlite::SqliteOptions;
use sotto_relay::{Clock, Config};
use sotto_wire::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn alice_puts_a_blob_in_with_interruptions_and_bob_fetches_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let blob = Blob::new(1_500_000);
    let size = blob.bytes.len();
    let made = blob.make(&mut alice).await;
    assert_eq!((made.received, made.size), (0, size as u64));

    // Nobody gets a part of it.
    assert_eq!(blob.get(&relay.address, &[]).await.status, 404);
    let part = blob.patch(&relay.address, 0, 700_000).await;
    assert_eq!((part.status, part.offset()), (204, 700_000));
    assert_eq!(part.header("upload-complete"), Some("?0"));
    assert_eq!(blob.get(&relay.address, &[]).await.status, 404);

    // The connection breaks in the middle of a part: what had come stays.
    let (mut stream, _) = transport(&relay.address).await;
    let request = format!(
        "PATCH {} HTTP/1.1\r\nhost: relay\r\nauthorization: {}\r\nupload-offset: 700000\r\ncontent-length: 600000\r\n\r\n",
        blob.path(),
        blob.upload.authorization(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
        .write_all(&blob.bytes[700_000..900_000])
        .await
        .unwrap();
    stream.flush().await.unwrap();
    drop(stream);
    let come = async {
        while blob.head(&relay.address).await.offset() == 700_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), come)
        .await
        .expect("what had come is not kept");

    // The relay is started anew; both ways to ask say the same.
    drop(alice);
    relay.stop().await;
    let relay = Running::start(folder.path()).await;
    let head = blob.head(&relay.address).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("upload-length"), Some(&*size.to_string()));
    let at = usize::try_from(head.offset()).unwrap();
    assert!((700_001..=900_000).contains(&at), "{at}");
    let mut alice = Client::connect(&relay.address).await;
    assert_eq!(blob.make(&mut alice).await.received, at as u64);

    // An answer was lost, and the part comes again: refused, with where to go on.
    let again = blob.patch(&relay.address, 700_000, size).await;
    assert_eq!((again.status, again.offset()), (409, at as u64));
    assert_eq!(again.refusal().code, RefusalCode::Offset);
    let last = blob.patch(&relay.address, at, size).await;
    assert_eq!((last.status, last.offset()), (204, size as u64));
    assert_eq!(last.header("upload-complete"), Some("?1"));

    // Bob has its name from a message.
    let whole = blob.get(&relay.address, &[]).await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("content-length"), Some(&*size.to_string()));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert!(whole.body == blob.bytes);
    // Nothing that came from somebody is ever a page of this relay.
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(whole.header(name), Some(value));
    }
    for (range, from, until) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=1000000-".to_owned(), 1_000_000, size),
        ("bytes=-7".to_owned(), size - 7, size),
        (format!("bytes=5-{}", size * 2), 5, size),
    ] {
        let part = blob.get(&relay.address, &[("range", &range)]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(
            part.header("content-range"),
            Some(&*format!("bytes {from}-{}/{size}", until - 1))
        );
        assert!(part.body == blob.bytes[from..until], "{range}");
    }
    let beyond = format!("bytes={size}-");
    let beyond = blob.get(&relay.address, &[("range", &beyond)]).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(
        beyond.header("content-range"),
        Some(&*format!("bytes */{size}"))
    );
    let head = http(&relay.address, "HEAD", &blob.path(), &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*size.to_string()));

    // Alice thinks better of it.
    assert_eq!(alice.ask(blob.delete()).await, Ok(Reply::Done));
    assert_eq!(blob.get(&relay.address, &[]).await.status, 404);
    assert_eq!(blob.head(&relay.address).await.status, 404);
    assert_eq!(alice.ask(blob.delete()).await, Err(RefusalCode::NotFound));
}

#[tokio::test]
async fn nobody_else_can_fill_keep_or_delete_a_blob() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Running::start(folder.path()).await;
    let mut alice = Client::connect(&relay.address).await;
    let blob = Blob::new(20_000);
    blob.make(&mut alice).await;
    let mallory = Blob {
        id: blob.id,
        ..Blob::new(20_000)
    };
    // With another key to upload; then without any.
    for answer in [
        mallory.patch(&relay.address, 0, 100).await,
        mallory.head(&relay.address).await,
        http(
            &relay.address,
            "PATCH",
            &blob.path(),
            &[("upload-offset", "0")],
            b"x",
        )
        .await,
    ] {
        assert_eq!(answer.status, 404);
    }
    // A blob that nobody has made is answered the same.
    let nowhere = Blob::new(20_000).patch(&relay.address, 0, 100).await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(nowhere.refusal().code, RefusalCode::NotFound);

    // Over the WebSocket: without a proof, with one of another key, with one of another role, and
    // with Alice's own, made on her connection.
    let mut client = Client::connect(&relay.address).await;
    for command in [blob.keep(), blob.delete()] {
        assert_eq!(client.ask(command).await, Err(RefusalCode::NotFound));
    }
    assert_eq!(
        client.ask(blob.prove(&alice)).await,
        Err(RefusalCode::BadProof)
    );
    client
        .prove(ChannelId(blob.id.0), Role::Admin, &blob.owner)
        .await;
    assert_eq!(client.ask(blob.delete()).await, Err(RefusalCode::NotFound));
    client.ask(mallory.prove(&client)).await.unwrap();
    assert_eq!(client.ask(mallory.keep()).await, Err(RefusalCode::Taken));
    assert_eq!(
        client.ask(mallory.delete()).await,
        Err(RefusalCode::NotFound)
    );
    assert_eq!(blob.head(&relay.address).await.offset(), 0);

    // A proof of the owner is worth nothing in a channel of the same name.
    let room = Room {
        channel: ChannelId(blob.id.0),
        ..Room::new()
    };
    alice
        .ask(alice.binding.prove_owner(blob.id, &room.admin))
        .await
        .unwrap();
    assert_eq!(alice.ask(room.create()).await, Err(RefusalCode::NotFound));
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.blobs.largest = 1 << 20;
    config.blobs.hours = 100;
    config.blobs.bytes = 1 << 20;
    let relay = Running::with(config).await;
    let mut alice = Client::connect(&relay.address).await;
    let blob = Blob::new(1);
    alice.ask(blob.prove(&alice)).await.unwrap();
    let with = |size, hours| Command::KeepBlob {
        blob: blob.id,
        owner: blob.owner.public(),
        upload: blob.upload.hash(),
        size,
        hours,
    };
    for (size, hours, code) in [
        (0, 1, RefusalCode::Malformed),
        (1000, 1, RefusalCode::Malformed),
        // The exact size of a file is nobody's business.
        (20_001, 1, RefusalCode::Malformed),
        (1 << 14, 0, RefusalCode::Malformed),
        (1 << 14, 101, RefusalCode::TooLarge),
        (1 << 21, 1, RefusalCode::TooLarge),
        (u64::MAX, 1, RefusalCode::Malformed),
    ] {
        assert_eq!(
            alice.ask(with(size, hours)).await,
            Err(code),
            "{size} {hours}"
        );
    }
    let kept = alice.ask(with(1 << 14, 100)).await;
    assert!(matches!(kept, Ok(Reply::Blob(_))), "{kept:?}");
    // The relay is full: when something may have gone is said.
    let large = Blob::new(1 << 20);
    alice.ask(large.prove(&alice)).await.unwrap();
    let full = Command::KeepBlob {
        blob: large.id,
        owner: large.owner.public(),
        upload: large.upload.hash(),
        size: 1 << 20,
        hours: 1,
    };
    let refusal = alice.ask_fully(full).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Quota);
    assert_eq!(refusal.retry_after_ms, Some(3_600_000));

    // Over HTTP.
    let key = blob.upload.authorization();
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let mut headers = headers.to_vec();
        headers.push(("authorization", &key));
        http(&relay.address, method, path, &headers, body)
            .await
            .status
    };
    let path = blob.path();
    let over = vec![0; (1 << 14) + 1];
    for (method, path, headers, body, status) in [
        ("PATCH", &*path, &[][..], &b"x"[..], 400),
        ("PATCH", &path, &[("upload-offset", "-1")], b"x", 400),
        ("PATCH", &path, &[("upload-offset", "0x0")], b"x", 400),
        ("PATCH", &path, &[("upload-offset", "1")], b"x", 409),
        ("PATCH", &path, &[("upload-offset", "0")], &over, 413),
        ("PUT", &path, &[], b"x", 405),
        ("DELETE", &path, &[], b"", 405),
        ("GET", "/b/", &[], b"", 404),
        ("GET", "/b/../../identity.key", &[], b"", 404),
        ("GET", &path.to_uppercase(), &[], b"", 404),
        ("GET", &format!("{path}/"), &[], b"", 404),
    ] {
        assert_eq!(
            ask(method, path, headers, body).await,
            status,
            "{method} {path} {headers:?}"
        );
    }
    // A length that lies is not waited for.
    let (mut stream, _) = transport(&relay.address).await;
    let lie = format!(
        "PATCH {path} HTTP/1.1\r\nhost: relay\r\nauthorization: {key}\r\nupload-offset: 0\r\ncontent-length: 99999999999\r\n\r\n"
    );
    stream.write_all(lie.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(parse(&answer).status, 413);
    assert_eq!(blob.head(&relay.address).await.offset(), 0);
}

#[tokio::test]
async fn a_blob_goes_when_its_time_is_over_unless_its_owner_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let hours = Arc::new(AtomicU64::new(400_000));
    let now = Arc::clone(&hours);
    let mut config = Config::new(folder.path());
    config.store = SqliteOptions {
        clock: Clock::new(move || now.load(Ordering::SeqCst) * 3600),
        ..config.store
    };
    let relay = Running::with(config).await;
    let mut alice = Client::connect(&relay.address).await;
    let blob = Blob::new(1);
    let until = blob.make(&mut alice).await.until;
    assert_eq!(until, 400_000 + 30 * 24);
    blob.patch(&relay.address, 0, blob.bytes.len()).await;
    hours.fetch_add(29 * 24, Ordering::SeqCst);
    // Its entry is sent late: the owner keeps the blob for as long as such an entry stays.
    let until = blob.make(&mut alice).await.until;
    assert_eq!(until, 400_000 + 59 * 24);
    hours.store(until.into(), Ordering::SeqCst);
    assert_eq!(blob.get(&relay.address, &[]).await.status, 404);
}

#[tokio::test]
async fn a_private_relay_asks_for_its_token_here_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        token: Some("open sesame".into()),
        ..Config::new(folder.path())
    };
    let relay = Running::with(config).await;
    let blob = Blob::new(1);
    for headers in [&[][..], &[("sotto-token", "open sesam")]] {
        let answer = blob.get(&relay.address, headers).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.refusal().code, RefusalCode::Token);
    }
    let answer = blob
        .get(&relay.address, &[("sotto-token", "open sesame")])
        .await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn browsers_are_let_in_from_listed_origins_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        allow_origins: vec!["https://sotto.example".into()],
        ..Config::new(folder.path())
    };
    let relay = Running::with(config).await;
    let blob = Blob::new(1);
    for method in ["GET", "HEAD", "OPTIONS", "PATCH"] {
        let evil = [("origin", "https://evil.example")];
        let answer = http(&relay.address, method, &blob.path(), &evil, b"").await;
        assert_eq!(answer.status, 403, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let ours = [("origin", "https://sotto.example")];
    let asked = http(&relay.address, "OPTIONS", &blob.path(), &ours, b"").await;
    assert_eq!(asked.status, 204);
    assert_eq!(
        asked.header("access-control-allow-origin"),
        Some("https://sotto.example")
    );
    assert!(
        asked
            .header("access-control-allow-headers")
            .unwrap()
            .contains("upload-offset")
    );
    assert_eq!(blob.get(&relay.address, &ours).await.status, 404);
}

/// Who takes or sends nothing is cut, and others have had the place meanwhile to be told to come back.
#[tokio::test]
async fn slow_readers_and_writers_are_cut_and_places_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    // More than all buffers between the two take; uploaded while the relay is patient.
    let blob = Blob::new(32 << 20);
    let relay = Running::start(folder.path()).await;
    blob.make(&mut Client::connect(&relay.address).await).await;
    for from in (0..blob.bytes.len()).step_by(8 << 20) {
        let until = blob.bytes.len().min(from + (8 << 20));
        assert_eq!(blob.patch(&relay.address, from, until).await.status, 204);
    }
    relay.stop().await;
    let mut config = Config::new(folder.path());
    config.limits.send = Duration::from_millis(1500);
    config.limits.transfers = 1;
    let relay = Running::with(config).await;
    let mut alice = Client::connect(&relay.address).await;
    let slow = async |request: String| {
        let (mut stream, _) = transport(&relay.address).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let busy = async || {
        let answer = blob.get(&relay.address, &[("range", "bytes=0-0")]).await;
        (answer.status == 429).then(|| {
            assert_eq!(answer.header("retry-after"), Some("1"));
            answer.refusal()
        })
    };
    let get = format!("GET {} HTTP/1.1\r\nhost: relay\r\n\r\n", blob.path());
    let next = Blob::new(1);
    next.make(&mut alice).await;
    let patch = format!(
        "PATCH {} HTTP/1.1\r\nhost: relay\r\nauthorization: {}\r\nupload-offset: 0\r\ncontent-length: 16384\r\n\r\nsome",
        next.path(),
        next.upload.authorization(),
    );
    for request in [get, patch] {
        let mut stream = slow(request).await;
        let taken = async {
            while busy().await.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let free = async {
            while busy().await.is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, taken).await.expect("taken");
        tokio::time::timeout(patience, free).await.expect("cut");
        // Not all of it was sent, and the connection has ended.
        let mut got = Vec::new();
        let _ = tokio::time::timeout(patience, stream.read_to_end(&mut got))
            .await
            .expect("still open");
        assert!(got.len() < blob.bytes.len());
    }
    // What the slow writer had sent is kept.
    assert_eq!(next.head(&relay.address).await.offset(), 4);
}
