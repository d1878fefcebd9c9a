//! Lines in, lines out.

use std::io;
use std::sync::Arc;

use sotto_client::{Events, Host};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::message::{self, LONGEST_LINE, Request, Unreadable};

/// Lines that may wait to be written.
const LINES: usize = 1024;
/// Calls that may be under way at once; the next line is then read later.
const CALLS: usize = 1024;

/// Serves `input` until it ends, or until `stop`; answers what was asked before.
pub(super) async fn serve(
    host: Arc<Host>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: CancellationToken,
) -> io::Result<()> {
    let (lines, to_write) = mpsc::channel(LINES);
    let writer = tokio::spawn(write(to_write, output));
    let events = tokio::spawn(tell(host.events(), lines.clone()));
    let calls = Arc::new(Semaphore::new(CALLS));
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        let read = tokio::select! {
            () = stop.cancelled() => break,
            read = read_line(&mut input, &mut line) => read?,
        };
        match read {
            Line::End => break,
            Line::TooLong => {
                let _ = lines.send(Unreadable::too_long().line()).await;
            }
            Line::Whole if line.iter().all(u8::is_ascii_whitespace) => {}
            Line::Whole => match Request::read(&line) {
                Ok(request) => take(&host, request, &lines, &calls).await,
                Err(unreadable) => {
                    let _ = lines.send(unreadable.line()).await;
                }
            },
        }
        if lines.is_closed() {
            // Nobody reads our answers any more.
            break;
        }
    }
    // Whatever is under way is answered before the end.
    let all = u32::try_from(CALLS).unwrap_or(u32::MAX);
    let _ = calls.acquire_many(all).await;
    events.abort();
    let _ = events.await;
    drop(lines);
    writer.await.map_err(io::Error::other)?
}

/// Begins a call in the order of the lines, and answers it whenever it is done.
async fn take(
    host: &Arc<Host>,
    request: Request,
    lines: &mpsc::Sender<Vec<u8>>,
    calls: &Arc<Semaphore>,
) {
    let Request { id, call } = request;
    let Ok(permit) = Arc::clone(calls).acquire_owned().await else {
        return;
    };
    let lines = lines.clone();
    let pending = match call {
        Ok(call) => host.begin(call).await,
        Err(error) => Box::pin(std::future::ready(Err(error.problem()))),
    };
    tokio::spawn(async move {
        let result = pending.await;
        if let Some(id) = id {
            let _ = lines.send(message::answer(id, result)).await;
        }
        drop(permit);
    });
}

async fn tell(mut events: Events, lines: mpsc::Sender<Vec<u8>>) {
    while let Some(published) = events.next().await {
        if lines.send(message::event(&published)).await.is_err() {
            return;
        }
    }
}

/// Writes what waits in one go, then flushes.
async fn write(
    mut lines: mpsc::Receiver<Vec<u8>>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut waiting = Vec::new();
    while lines.recv_many(&mut waiting, LINES).await > 0 {
        let result = async {
            output.write_all(&waiting.concat()).await?;
            output.flush().await
        };
        match result.await {
            Ok(()) => {}
            // The reader has gone; that is its way of ending us.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error),
        }
        waiting.clear();
    }
    Ok(())
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line into `line` without its end. Of one that is too long nothing is kept.
///
/// Must be run to its end or never again: a line that was read in part is lost.
async fn read_line(
    input: &mut (impl tokio::io::AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<Line> {
    line.clear();
    let mut too_long = false;
    loop {
        let chunk = input.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(match (too_long, line.is_empty()) {
                (true, _) => Line::TooLong,
                (false, true) => Line::End,
                (false, false) => Line::Whole,
            });
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        too_long |= line.len() + part.len() > LONGEST_LINE;
        if too_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if too_long { Line::TooLong } else { Line::Whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_long_ones_skipped() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let text = format!("one\n\n{long}\n{}\nlast", "y".repeat(LONGEST_LINE));
        let mut input = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut seen = Vec::new();
        loop {
            match read_line(&mut input, &mut line).await.unwrap() {
                Line::End => break,
                Line::TooLong => seen.push("too long".to_owned()),
                Line::Whole => seen.push(String::from_utf8(line.clone()).unwrap()),
            }
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(
            (seen[0].as_str(), seen[1].as_str(), seen[2].as_str()),
            ("one", "", "too long")
        );
        assert_eq!(seen[3].len(), LONGEST_LINE);
        assert_eq!(seen[4], "last");
    }
}
