//! What a connection costs before its hello is complete: the resident memory of a real relay over
//! many connections of each kind, divided by their number. Linux alone says how much that is.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command as Process, Stdio};

use common::*;
use sotto_wire::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Connections of each kind.
const MANY: usize = 150;
/// What one may cost, in bytes.
const MOST: usize = 64 * 1024;

struct Relay {
    child: Child,
    address: RelayAddress,
}

impl Relay {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Process::new(env!("CARGO_BIN_EXE_sotto-relay"))
            .arg("--data")
            .arg(folder)
            // Nobody is cut off while this test measures.
            .args(["--listen", "127.0.0.1:0", "--handshake-seconds", "600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim_end().parse().unwrap();
        Self { child, address }
    }

    /// Resident memory in bytes.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How somebody gets half way, and stays there.
#[derive(Clone, Copy, Debug)]
enum Half {
    /// TCP, and not a byte.
    Silent,
    /// A TLS hello that goes on and on.
    Hello,
    /// TLS, and a request whose head never ends.
    Head,
    /// A request for a blob, with a body, and no right to put one in.
    Body,
    /// A WebSocket, and the largest frame that may come before the hello, but for its last byte.
    Frame,
}

async fn get_half_way(relay: &RelayAddress, half: Half) -> Box<dyn Stream> {
    match half {
        Half::Silent | Half::Hello => {
            let mut tcp = TcpStream::connect((relay.host.as_str(), relay.port))
                .await
                .unwrap();
            if matches!(half, Half::Hello) {
                // The largest ClientHello that TLS allows, in records of 12,000 bytes; its end is missing.
                let mut message = vec![1, 0, 0xff, 0xff, 3, 3];
                message.resize(65_000, 7);
                for part in message.chunks(12_000) {
                    let len = u16::try_from(part.len()).unwrap().to_be_bytes();
                    let record = [&[22, 3, 1], &len[..], part].concat();
                    // It may have been refused already.
                    let _ = tcp.write_all(&record).await;
                }
            }
            Box::new(tcp)
        }
        Half::Head => {
            let (mut stream, _) = transport(relay).await;
            let mut head = String::from("GET /v1 HTTP/1.1\r\n");
            for _ in 0..15 {
                head += &format!("x: {}\r\n", "y".repeat(1000));
            }
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            stream
        }
        Half::Body => {
            let (mut stream, _) = transport(relay).await;
            let head = format!(
                "PATCH /b/{} HTTP/1.1\r\nhost: x\r\nupload-offset: 0\r\ncontent-length: 8000000\r\n\r\n",
                "0".repeat(32)
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            // Refused before it is read.
            let _ = stream.write_all(&vec![0; 200_000]).await;
            let _ = stream.flush().await;
            stream
        }
        Half::Frame => {
            let (mut socket, _) = open(relay, None).await.unwrap();
            let len = u16::try_from(limits::MAX_HELLO).unwrap().to_be_bytes();
            let mut frame = [&[0x82, 0xfe], &len[..], &[0; 4]].concat();
            frame.resize(frame.len() + limits::MAX_HELLO - 1, 0);
            let stream = socket.get_mut();
            stream.write_all(&frame).await.unwrap();
            stream.flush().await.unwrap();
            Box::new(socket.into_inner())
        }
    }
}

/// Answered once the relay has done what came before on other connections, as far as one can ask.
async fn settled(relay: &RelayAddress) {
    for _ in 0..5 {
        let (mut stream, _) = transport(relay).await;
        let ask = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn nothing_unauthenticated_takes_more_than_64_kib() {
    for half in [
        Half::Silent,
        Half::Hello,
        Half::Head,
        Half::Body,
        Half::Frame,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(folder.path());
        // What is made once, for all that come.
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(get_half_way(&relay.address, half).await);
        }
        settled(&relay.address).await;
        let before = relay.memory();
        for _ in 0..MANY {
            held.push(get_half_way(&relay.address, half).await);
        }
        settled(&relay.address).await;
        let each = relay.memory().saturating_sub(before) / MANY;
        println!("{half:?}: {each} bytes");
        assert!(each <= MOST, "{half:?}: {each} bytes each");
    }
}
