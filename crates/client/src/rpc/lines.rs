//! Messages as lines of a pipe.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dialogue::{Bounds, Dialogue, Outgoing};
use super::message::{LONGEST_MESSAGE, Unreadable};
use crate::host::Host;

/// A pipe has one other side, a program that was started for it: it may be far ahead.
const BOUNDS: Bounds = Bounds {
    calls: 1024,
    messages: 1024,
};

/// Serves `input` until it ends, or until `stop`; answers what was asked before.
///
/// # Errors
/// `input` or `output` can't be used any more.
pub async fn serve(
    host: Arc<Host>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: CancellationToken,
) -> io::Result<()> {
    let (_, nothing) = mpsc::channel(1);
    serve_and_tell(host, input, output, nothing, stop).await
}

/// As [`serve`], and passes on what the program itself has to say (each made by
/// [`notification`](super::notification)).
///
/// # Errors
/// As for [`serve`].
pub async fn serve_and_tell(
    host: Arc<Host>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    mut said: mpsc::Receiver<String>,
    stop: CancellationToken,
) -> io::Result<()> {
    let (dialogue, lines) = Dialogue::begin(host, BOUNDS);
    let writer = tokio::spawn(write(lines, output));
    let mut reader = Lines::new(input);
    loop {
        let read = tokio::select! {
            () = stop.cancelled() => break,
            Some(text) = said.recv() => {
                dialogue.say(text).await;
                continue;
            }
            read = reader.next() => read?,
        };
        match read {
            Line::End => break,
            Line::TooLong => dialogue.refuse(Unreadable::too_long()).await,
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => {}
            Line::Whole(line) => dialogue.take(&line).await,
        }
        if dialogue.is_unheard() {
            // Nobody reads our answers any more.
            break;
        }
    }
    // Whatever is under way is answered before the end.
    dialogue.end().await;
    writer.await.map_err(io::Error::other)?
}

/// Writes what waits in one go, then flushes.
async fn write(
    mut lines: mpsc::Receiver<Outgoing>,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut waiting = Vec::new();
    while lines.recv_many(&mut waiting, BOUNDS.messages).await > 0 {
        let mut bytes = Vec::new();
        for line in &waiting {
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        let result = async {
            output.write_all(&bytes).await?;
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

/// A line without its end.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

/// Lines of an input. What was read of one is kept until it is whole, whoever waits meanwhile.
struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            line: Vec::new(),
            too_long: false,
        }
    }

    /// The next line; of one that is too long nothing is kept. May be dropped and asked again.
    async fn next(&mut self) -> io::Result<Line> {
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(match self.take() {
                    Line::Whole(line) if line.is_empty() => Line::End,
                    last => last,
                });
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            self.too_long |= self.line.len() + part.len() > LONGEST_MESSAGE;
            if self.too_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(self.take());
            }
        }
    }

    fn take(&mut self) -> Line {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            Line::TooLong
        } else {
            Line::Whole(line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_long_ones_skipped() {
        let long = "x".repeat(LONGEST_MESSAGE + 1);
        let text = format!("one\n\n{long}\n{}\nlast", "y".repeat(LONGEST_MESSAGE));
        let mut lines = Lines::new(text.as_bytes());
        lines.input = BufReader::with_capacity(7, text.as_bytes());
        let mut seen = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Line::End => break,
                Line::TooLong => seen.push("too long".to_owned()),
                Line::Whole(line) => seen.push(String::from_utf8(line).unwrap()),
            }
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(
            (seen[0].as_str(), seen[1].as_str(), seen[2].as_str()),
            ("one", "", "too long")
        );
        assert_eq!(seen[3].len(), LONGEST_MESSAGE);
        assert_eq!(seen[4], "last");
    }

    #[tokio::test]
    async fn a_line_that_comes_in_parts_is_whole_although_others_were_served_between() {
        let (mut theirs, ours) = tokio::io::duplex(64);
        let mut lines = Lines::new(ours);
        theirs.write_all(b"one ").await.unwrap();
        tokio::select! {
            biased;
            _ = lines.next() => panic!("the line has no end yet"),
            () = tokio::task::yield_now() => {}
        }
        theirs.write_all(b"two\n").await.unwrap();
        let Line::Whole(line) = lines.next().await.unwrap() else {
            panic!("no line");
        };
        assert_eq!(line, b"one two");
    }
}
