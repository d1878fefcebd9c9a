//! What one other side asks and is told, apart from how it is carried.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::message::{self, Request, Unreadable};
use crate::host::{Events, Host};

/// How much of a dialogue may wait in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Calls that may be under way or answered but not yet sent; the next message is then taken
    /// later.
    pub calls: u32,
    /// Messages that may wait to be sent. Events that find no room wait in the host, and become
    /// `missed` when they are too many.
    pub messages: usize,
}

/// A message to the other side. Keeps its call's place until it is dropped, so drop it when it
/// was sent.
#[derive(Debug)]
pub struct Outgoing {
    /// JSON, without a line's end.
    pub text: String,
    _place: Option<OwnedSemaphorePermit>,
}

/// One other side of a host: takes its messages, and gives what it is to be sent.
#[derive(Debug)]
pub struct Dialogue {
    host: Arc<Host>,
    out: mpsc::Sender<Outgoing>,
    places: Arc<Semaphore>,
    calls: u32,
    events: AbortOnDropHandle<()>,
}

impl Dialogue {
    /// Begins. Every event from now on, and every answer, comes out of the second part.
    #[must_use]
    pub fn begin(host: Arc<Host>, bounds: Bounds) -> (Self, mpsc::Receiver<Outgoing>) {
        let (out, to_send) = mpsc::channel(bounds.messages.max(1));
        let calls = bounds.calls.max(1);
        let events = tokio::spawn(tell(host.events(), out.clone()));
        let dialogue = Self {
            host,
            out,
            places: Arc::new(Semaphore::new(usize::try_from(calls).unwrap_or(1))),
            calls,
            events: AbortOnDropHandle::new(events),
        };
        (dialogue, to_send)
    }

    /// Takes one message. A call has its place in the order when this returns; it is answered
    /// whenever it is done.
    pub async fn take(&self, message: &[u8]) {
        let request = match Request::read(message) {
            Ok(request) => request,
            Err(unreadable) => return self.refuse(unreadable).await,
        };
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return;
        };
        let (id, call) = request.into_call();
        let pending = match call {
            Ok(call) => self.host.begin(call).await,
            Err(error) => Box::pin(std::future::ready(Err(error.problem()))),
        };
        let out = self.out.clone();
        tokio::spawn(async move {
            let result = pending.await;
            // Without an id nobody waits for an answer.
            if let Some(id) = id {
                let text = message::answer(Some(&id), result);
                let _ = out.send(Outgoing::new(text, Some(place))).await;
            }
        });
    }

    /// Answers what could not be read.
    pub async fn refuse(&self, unreadable: Unreadable) {
        self.say(unreadable.answer()).await;
    }

    /// Sends a message that was not asked for.
    pub async fn say(&self, text: String) {
        let _ = self.out.send(Outgoing::new(text, None)).await;
    }

    /// Nobody takes what is to be sent any more.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.out.is_closed()
    }

    /// Comes back when everything that was asked is answered and sent, or nobody takes it.
    pub async fn end(self) {
        let _ = self.places.acquire_many(self.calls).await;
        self.events.abort();
        let _ = self.events.await;
    }
}

impl Outgoing {
    fn new(text: String, place: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            text,
            _place: place,
        }
    }
}

async fn tell(mut events: Events, out: mpsc::Sender<Outgoing>) {
    while let Some(published) = events.next().await {
        let text = message::notification("event", &*published);
        if out.send(Outgoing::new(text, None)).await.is_err() {
            return;
        }
    }
}
