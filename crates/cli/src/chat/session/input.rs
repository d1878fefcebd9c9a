//! Keys from a terminal, or lines from a pipe.

use std::io::{self, BufRead as _};

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// Where input comes from.
pub(super) enum Input {
    Keys(EventStream),
    Lines(mpsc::Receiver<io::Result<String>>),
}

/// What came.
pub(super) enum Got {
    Key(Event),
    Line(String),
    End,
}

impl Input {
    pub(super) fn new(interactive: bool) -> Self {
        if interactive {
            return Self::Keys(EventStream::new());
        }
        let (sender, lines) = mpsc::channel(64);
        // Reading a pipe can't be called off, so it gets a thread that ends with the process.
        std::thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self::Lines(lines)
    }

    pub(super) async fn next(&mut self) -> io::Result<Got> {
        match self {
            Self::Keys(keys) => keys
                .next()
                .await
                .map_or(Ok(Got::End), |key| key.map(Got::Key)),
            Self::Lines(lines) => lines
                .recv()
                .await
                .map_or(Ok(Got::End), |line| line.map(Got::Line)),
        }
    }
}
