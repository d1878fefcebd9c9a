//! HTTP as it is, on a connection of its own.
use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn offset(&self) -> u64 {
        self.header("upload-offset").unwrap().parse().unwrap()
    }

    pub fn refusal(&self) -> Refusal {
        assert_eq!(self.header("content-type"), Some("application/cbor"));
        decode(&self.body, 1000).unwrap()
    }
}

/// Asks, and reads until the relay closes.
pub async fn http(
    address: &RelayAddress,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let (mut stream, _) = transport(address).await;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        request += &format!("content-length: {}\r\n", body.len());
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // The relay may refuse, and close, before it has read a body.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    parse(&answer)
}

pub fn parse(answer: &[u8]) -> Response {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(answer)));
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    Response {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_lowercase(), value.to_owned())
            })
            .collect(),
        body: answer[end + 4..].to_vec(),
    }
}
