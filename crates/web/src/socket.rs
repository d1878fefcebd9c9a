//! One tab: a WebSocket whose text frames are JSON-RPC.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sotto_client::rpc::{Bounds, Dialogue, LONGEST_MESSAGE, Outgoing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use crate::enter;
use crate::server::Shared;

type Stream = TokioIo<Upgraded>;
type Socket = WebSocketStream<Stream>;
type Sending = SplitSink<Socket, Message>;

/// Time for the other side to take our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why a tab's connection ends.
#[derive(Debug)]
enum End {
    /// The tab has gone, or can't be written to.
    Gone,
    /// We end it, with a code of RFC 6455 and words (at most 123 bytes).
    Closing(CloseCode, &'static str),
}

const UNREADABLE: &str = "What came could not be read. Reload the page.";
const TOO_LONG: &str = "A message was longer than 512 KiB. Reload the page and send less at once.";
const BINARY: &str = "Text is spoken here, and this was binary. Reload the page.";
const TOO_SLOW: &str = "This page read nothing for too long. Reload it; nothing is lost.";
const LATE: &str = "The page did not enter in time. Reload it.";
const NOT_LET_IN: &str = "The page was not let in; the answer before this says why.";
const STOPPING: &str = "Sotto has ended. Start it again and open the address that it prints.";

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::Closing(CloseCode::Size, TOO_LONG),
            Error::Protocol(_) => Self::Closing(CloseCode::Protocol, UNREADABLE),
            Error::Utf8(_) => Self::Closing(CloseCode::Invalid, UNREADABLE),
            _ => Self::Gone,
        }
    }
}

/// Serves one tab until it goes, breaks a rule, or the host stops.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream) {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(16 * 1024)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (socket, end) = match admit(&shared, &mut socket).await {
        Ok(place) => {
            let talked = talk(&shared, socket).await;
            drop(place);
            talked
        }
        Err(end) => (Some(socket), end),
    };
    if let (Some(socket), End::Closing(code, reason)) = (socket, end) {
        let _ = timeout(GOODBYE, close(socket, code, reason)).await;
    }
}

/// Waits for `enter` and answers it.
async fn admit(shared: &Shared, socket: &mut Socket) -> Result<OwnedSemaphorePermit, End> {
    let first = tokio::select! {
        () = shared.stopping.cancelled() => return Err(STOPPED),
        first = timeout(shared.limits.enter, next(socket)) => first,
    };
    let first = first.map_err(|_| End::Closing(CloseCode::Policy, LATE))??;
    let place = Arc::clone(&shared.tabs).try_acquire_owned().ok();
    let known = |session: &_| shared.sessions.knows(session);
    let (text, is_in) = enter::judge(&first, &shared.start, place.is_some(), known);
    let sent = timeout(shared.limits.send, socket.send(Message::text(text))).await;
    sent.map_err(|_| End::Gone)??;
    place
        .filter(|_| is_in)
        .ok_or(End::Closing(CloseCode::Policy, NOT_LET_IN))
}

const STOPPED: End = End::Closing(CloseCode::Away, STOPPING);

/// Takes what the tab asks and gives it what it is told, until one of the two can't go on.
async fn talk(shared: &Shared, socket: Socket) -> (Option<Socket>, End) {
    let (sending, mut receiving) = socket.split();
    let bounds = Bounds {
        calls: shared.limits.calls,
        messages: shared.limits.messages,
    };
    let (dialogue, outgoing) = Dialogue::begin(Arc::clone(&shared.host), bounds);
    let unheard = CancellationToken::new();
    let guard = unheard.clone().drop_guard();
    let patience = shared.limits.send;
    let writer = tokio::spawn(async move {
        let _guard = guard;
        write(sending, outgoing, bounds.messages, patience).await
    });
    let end = loop {
        let message = tokio::select! {
            () = shared.stopping.cancelled() => break STOPPED,
            () = unheard.cancelled() => break End::Gone,
            message = next(&mut receiving) => message,
        };
        match message {
            // Never cut short: a profile that is being made or opened is not left half way
            // because somebody reloads a page.
            Ok(message) => dialogue.take(&message).await,
            Err(end) => break end,
        }
    };
    // What was asked is carried out, and answered if it can be.
    dialogue.end().await;
    match writer.await {
        Ok((sending, why)) => (sending.reunite(receiving).ok(), why.unwrap_or(end)),
        Err(_) => (None, End::Gone),
    }
}

/// Writes what waits in one go, then flushes; until nothing more can come, or it can't be written.
async fn write(
    mut sending: Sending,
    mut outgoing: mpsc::Receiver<Outgoing>,
    at_once: usize,
    patience: Duration,
) -> (Sending, Option<End>) {
    let mut waiting = Vec::new();
    while outgoing.recv_many(&mut waiting, at_once).await > 0 {
        let writing = async {
            for message in &mut waiting {
                let text = std::mem::take(&mut message.text);
                sending.feed(Message::text(text)).await?;
            }
            sending.flush().await
        };
        match timeout(patience, writing).await {
            // Now the calls give back their places.
            Ok(Ok(())) => waiting.clear(),
            Ok(Err(error)) => return (sending, Some(error.into())),
            Err(_) => return (sending, Some(End::Closing(CloseCode::Policy, TOO_SLOW))),
        }
    }
    (sending, None)
}

/// The next message.
async fn next(
    from: &mut (impl futures_util::Stream<Item = Result<Message, Error>> + Unpin),
) -> Result<Bytes, End> {
    loop {
        match from.next().await.ok_or(End::Gone)?? {
            Message::Text(text) => return Ok(text.into()),
            Message::Binary(_) => return Err(End::Closing(CloseCode::Unsupported, BINARY)),
            // What follows a close is the end, once it was answered.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_) => {}
        }
    }
}

/// Says why, and lets what still arrives run out: a connection that is cut with something unread
/// in it takes back what was just said.
async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) -> Result<(), Error> {
    let reason = reason.into();
    socket.close(Some(CloseFrame { code, reason })).await?;
    // Below the WebSocket, which would keep what it reads.
    let stream = socket.get_mut();
    stream.shutdown().await?;
    let mut rest = [0; 16 * 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
