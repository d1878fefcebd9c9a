//! The time between hello and end.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use sotto_suite::sign::PublicKey;
use sotto_wire::{
    Binding, ChannelId, ClientFrame, Refusal, RefusalCode, RelayFrame, Reply, RequestId, Role,
    Subscribed, decode, limits, request_id,
};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message};

use super::delivery::Subscription;
use super::{End, Socket, message};
use crate::addresses::Address;
use crate::blobs::{BlobError, Kept};
use crate::feed::Wake;
use crate::metrics::Metrics;
use crate::server::Shared;
use crate::spending::Spending;
use crate::store::{Store, StoreError, Stored};

/// Bodies of one connection's requests that wait for the store, in bytes; beyond that it waits.
const WAITING_BYTES: usize = 1 << 20;
/// Things done before what was written is pushed out.
const BURST: usize = 64;

/// What the store has answered.
pub(super) struct Done {
    pub(super) id: RequestId,
    /// Bytes that no longer wait.
    pub(super) bytes: usize,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Reply(Stored<Reply>),
    /// To `KeepBlob`, which was paid for as a new blob of this size.
    Kept(u64, Result<Kept, BlobError>),
    /// To `DeleteBlob`.
    BlobDeleted(Result<(), BlobError>),
    /// To `Subscribe`, for the subscription of this number.
    Subscribed(u64, Stored<Subscribed>),
}

/// What is known of one client.
pub(super) struct Session<'a, S: Store> {
    pub(super) shared: &'a Shared<S>,
    pub(super) binding: Binding,
    pub(super) rights: HashSet<(ChannelId, Role, PublicKey)>,
    pub(super) spending: Spending,
    /// Where it comes from, if that is counted.
    pub(super) address: Option<&'a Arc<Address>>,
    pub(super) waiting: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>,
    pub(super) waiting_bytes: usize,
    /// Requests that may wait.
    pub(super) waiting_most: usize,
    pub(super) wake: Arc<Wake>,
    pub(super) subscriptions: HashMap<u64, Subscription>,
    pub(super) numbers: HashMap<(ChannelId, PublicKey), u64>,
    pub(super) next_number: u64,
}

/// Serves until there is a reason to end.
pub(super) async fn run<S: Store>(
    shared: &Shared<S>,
    socket: &mut Socket,
    binding: Binding,
    address: Option<&Arc<Address>>,
) -> End {
    let mut session = Session {
        shared,
        binding,
        rights: HashSet::new(),
        spending: Spending::new(&shared.limits().rates, std::time::Instant::now()),
        address,
        waiting: FuturesUnordered::new(),
        waiting_bytes: 0,
        waiting_most: shared.limits().waiting_requests,
        wake: Arc::default(),
        subscriptions: HashMap::new(),
        numbers: HashMap::new(),
        next_number: 0,
    };
    match session.serve(socket).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

impl<S: Store> Session<'_, S> {
    async fn serve(&mut self, socket: &mut Socket) -> Result<std::convert::Infallible, End> {
        let shared = self.shared;
        let idle = shared.limits().idle;
        let mut heard = Instant::now();
        let mut asked = false;
        // Both are made once: whatever all connections register with has a lock.
        let mut stopping = std::pin::pin!(shared.stopping.cancelled());
        let mut silence = std::pin::pin!(tokio::time::sleep_until(heard + idle));
        loop {
            let room = self.has_room();
            tokio::select! {
                () = &mut stopping => return Err(self.finish(socket).await),
                received = socket.next(), if room => {
                    self.receive(socket, received).await?;
                    self.receive_burst(socket).await?;
                    (heard, asked) = (Instant::now(), false);
                }
                Some(done) = self.waiting.next(), if !self.waiting.is_empty() => {
                    self.answer(socket, done).await?;
                    self.answer_burst(socket).await?;
                }
                () = self.wake.woken() => self.deliver(socket).await?,
                () = &mut silence => {
                    let now = Instant::now();
                    if asked && now >= heard + idle * 2 {
                        return Err(End::Gone);
                    }
                    if !asked && now >= heard + idle {
                        asked = true;
                        in_time(shared, socket.feed(Message::Ping(Bytes::new()))).await?;
                    }
                    silence.as_mut().reset(heard + if asked { idle * 2 } else { idle });
                }
            }
            push_out(shared, socket).await?;
        }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < self.waiting_most && self.waiting_bytes < WAITING_BYTES
    }

    /// Takes what has come already, so that requests sent together wait together.
    async fn receive_burst(&mut self, socket: &mut Socket) -> Result<(), End> {
        for _ in 0..BURST {
            if !self.has_room() {
                break;
            }
            let Some(received) = socket.next().now_or_never() else {
                break;
            };
            self.receive(socket, received).await?;
        }
        Ok(())
    }

    async fn answer_burst(&mut self, socket: &mut Socket) -> Result<(), End> {
        while let Some(Some(done)) = self.waiting.next().now_or_never() {
            self.answer(socket, done).await?;
        }
        Ok(())
    }

    async fn receive(
        &mut self,
        socket: &mut Socket,
        received: Option<tungstenite::Result<Message>>,
    ) -> Result<(), End> {
        let bytes = match received.ok_or(End::Gone)?? {
            Message::Binary(bytes) => bytes,
            // Pings are answered by the WebSocket itself.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
            Message::Text(_) | Message::Frame(_) => {
                return Err(End::Closing(RefusalCode::Malformed));
            }
        };
        Metrics::count(&self.shared.metrics.frames_in);
        match decode(&bytes, limits::MAX_FRAME) {
            Ok(ClientFrame::Request { id, command }) => {
                match self.command(id, command, bytes.len()) {
                    Ok(Some(reply)) => {
                        send(self.shared, socket, &RelayFrame::Reply { id, reply }).await
                    }
                    Ok(None) => Ok(()),
                    Err(refusal) => self.refuse(socket, id, refusal).await,
                }
            }
            Ok(ClientFrame::Acknowledge {
                channel,
                subscriber,
                position,
            }) => {
                self.owe(bytes.len())?;
                self.acknowledge(channel, subscriber, position)
            }
            Ok(ClientFrame::Hello(_)) => Err(End::Closing(RefusalCode::Unexpected)),
            Err(_) => match request_id(&bytes) {
                Some(id) => {
                    self.owe(bytes.len())?;
                    self.refuse(socket, id, plain(RefusalCode::Malformed)).await
                }
                None => Err(End::Closing(RefusalCode::Malformed)),
            },
        }
    }

    /// Passes the store's answer on. Where the store can't say whether it has kept something, no
    /// refusal may say that it has not: the connection ends, and the client asks again.
    async fn answer(&mut self, socket: &mut Socket, done: Done) -> Result<(), End> {
        self.waiting_bytes -= done.bytes;
        let id = done.id;
        let stored = match done.outcome {
            Outcome::Kept(size, kept) => {
                if !kept.is_ok_and(|kept| kept.made) {
                    self.give_back(size);
                }
                match kept {
                    Ok(kept) => Ok(Reply::Blob(kept.state)),
                    Err(error) => return self.refuse(socket, id, blob_refusal(error)).await,
                }
            }
            Outcome::BlobDeleted(Ok(())) => Ok(Reply::Done),
            Outcome::BlobDeleted(Err(error)) => {
                return self.refuse(socket, id, blob_refusal(error)).await;
            }
            Outcome::Reply(stored) => stored,
            Outcome::Subscribed(number, stored) => self.start(number, stored),
        };
        match stored {
            Ok(reply) => send(self.shared, socket, &RelayFrame::Reply { id, reply }).await,
            Err(StoreError::Unsure) => {
                Metrics::count(&self.shared.metrics.store_errors);
                Err(End::Closing(RefusalCode::Unavailable))
            }
            Err(error) => {
                if error == StoreError::Unavailable {
                    Metrics::count(&self.shared.metrics.store_errors);
                }
                self.refuse(socket, id, refusal(error)).await
            }
        }
    }

    fn start(&mut self, number: u64, stored: Stored<Subscribed>) -> Stored<Reply> {
        match stored {
            Ok(subscribed) => {
                self.start_delivery(number, subscribed.cursor);
                Ok(Reply::Subscribed(subscribed))
            }
            Err(error) => {
                self.drop_subscription(number);
                Err(error)
            }
        }
    }

    async fn refuse(
        &mut self,
        socket: &mut Socket,
        id: RequestId,
        refusal: Refusal,
    ) -> Result<(), End> {
        self.shared.metrics.refused(refusal.code);
        send(self.shared, socket, &RelayFrame::Refused { id, refusal }).await
    }

    /// The relay stops: what has been handed to the store is still answered, nothing new is taken.
    async fn finish(&mut self, socket: &mut Socket) -> End {
        let patience = self.shared.limits().stop / 2;
        let answers = async {
            while let Some(done) = self.waiting.next().await {
                self.answer(socket, done).await?;
            }
            Ok::<_, End>(())
        };
        match tokio::time::timeout(patience, answers).await {
            Ok(Err(end)) => end,
            Ok(Ok(())) | Err(_) => End::Closing(RefusalCode::Stopping),
        }
    }
}

/// Writes a frame; what is small is gathered until [`push_out`].
pub(super) async fn send<S>(
    shared: &Shared<S>,
    socket: &mut Socket,
    frame: &RelayFrame,
) -> Result<(), End> {
    shared.metrics.frames_out.fetch_add(1, Ordering::Relaxed);
    in_time(shared, socket.feed(message(frame))).await
}

async fn push_out<S>(shared: &Shared<S>, socket: &mut Socket) -> Result<(), End> {
    in_time(shared, socket.flush()).await
}

async fn in_time<S>(
    shared: &Shared<S>,
    write: impl Future<Output = tungstenite::Result<()>>,
) -> Result<(), End> {
    let mut write = std::pin::pin!(write);
    // Nearly always done at once: no timer for that.
    if let Some(done) = write.as_mut().now_or_never() {
        return Ok(done?);
    }
    match tokio::time::timeout(shared.limits().send, write).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(End::Gone),
    }
}

/// A refusal that says nothing but its code.
pub(super) fn plain(code: RefusalCode) -> Refusal {
    Refusal {
        code,
        retry_after_ms: None,
        handshakes: None,
    }
}

/// A refusal for now.
pub(super) fn later(code: RefusalCode, wait: Duration) -> Refusal {
    let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    Refusal {
        retry_after_ms: Some(wait),
        ..plain(code)
    }
}

/// What a client is told when the store did not do it. Not for [`StoreError::Unsure`] where the
/// store was to keep something.
pub(super) fn refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound => plain(RefusalCode::NotFound),
        StoreError::Revoked => plain(RefusalCode::Revoked),
        StoreError::Taken => plain(RefusalCode::Taken),
        StoreError::Stale { handshakes } => Refusal {
            handshakes: Some(handshakes),
            ..plain(RefusalCode::Stale)
        },
        StoreError::Fenced => plain(RefusalCode::Fenced),
        // Reading makes room in a channel, and that is for others to do.
        StoreError::Quota => later(RefusalCode::Quota, Duration::from_secs(10)),
        StoreError::TooFast { wait } => later(RefusalCode::TooFast, Duration::from_secs(wait)),
        StoreError::Unavailable | StoreError::Unsure => {
            later(RefusalCode::Unavailable, Duration::from_secs(1))
        }
    }
}

fn blob_refusal(error: BlobError) -> Refusal {
    match error {
        BlobError::NotFound => plain(RefusalCode::NotFound),
        BlobError::Taken => plain(RefusalCode::Taken),
        BlobError::Offset { .. } => plain(RefusalCode::Offset),
        BlobError::TooLarge => plain(RefusalCode::TooLarge),
        // Blobs go by the hour.
        BlobError::Quota => later(RefusalCode::Quota, Duration::from_secs(3600)),
        BlobError::Unavailable => later(RefusalCode::Unavailable, Duration::from_secs(1)),
    }
}
