//! Moves frames over a standing connection until it ends.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_util::{SinkExt as _, StreamExt as _};
use sotto_wire::{ClientFrame, RelayFrame, decode, encode, limits};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_util::sync::CancellationToken;

use super::ConnectionError;
use super::dial::Socket;
use super::life::{Life, Next};
use super::link::{Connection, DropReason, Dropped, FromLink, LinkEvent, LinkId, ToLink};
use crate::Timing;

/// How a connection ended.
pub(super) enum End {
    /// It was to stop.
    Stopped,
    /// It failed, or was to be dropped.
    Failed(ConnectionError),
}

/// One standing connection and what it needs.
pub(super) struct Serving<'a> {
    pub(super) link: LinkId,
    pub(super) connection: Connection,
    pub(super) timing: &'a Timing,
    pub(super) socket: Socket,
    pub(super) outgoing: &'a mut mpsc::Receiver<ToLink>,
    pub(super) dropped: &'a mut watch::Receiver<Dropped>,
    pub(super) incoming: &'a mpsc::Sender<FromLink>,
    pub(super) stop: &'a CancellationToken,
}

/// What the socket or its queue came up with.
enum Step {
    Order(Option<ToLink>),
    Flushed,
    Message(Option<Result<Message, WsError>>),
}

impl Serving<'_> {
    /// Runs until the connection fails or is to stop.
    ///
    /// Reading stops while the owner's queue is full, so a slow disk slows the relay down and
    /// nothing is buffered without limit; writing goes on meanwhile, so two full queues can't wait
    /// for each other.
    pub(super) async fn run(mut self) -> End {
        let end = self.exchange().await;
        if matches!(end, End::Stopped) {
            // Whoever said stop is gone in a moment; nothing is lost if this is cut short.
            let _ = timeout(self.timing.close, self.say_goodbye()).await;
        }
        end
    }

    async fn exchange(&mut self) -> End {
        let (socket, outgoing) = (&mut self.socket, &mut *self.outgoing);
        let dropped = &mut *self.dropped;
        let mut life = Life::new(Instant::now());
        let mut unflushed = false;
        let mut read_first = false;
        let mut room = None;
        let mut not_reading = Instant::now();
        let mut tick = interval_at(Instant::now() + self.timing.ping, self.timing.ping);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Neither side may starve the other.
            read_first = !read_first;
            let reading = room.is_some();
            tokio::select! {
                () = self.stop.cancelled() => return End::Stopped,
                reason = given_up(dropped, self.connection) => return match reason {
                    Some(reason) => End::Failed(reason.into()),
                    None => End::Stopped,
                },
                permit = self.incoming.reserve(), if !reading => match permit {
                    Ok(permit) => {
                        room = Some(permit);
                        life.not_read(not_reading.elapsed());
                    }
                    Err(_) => return End::Stopped,
                },
                step = poll_fn(|cx| {
                    if reading && read_first && let Poll::Ready(message) = socket.poll_next_unpin(cx) {
                        return Poll::Ready(Ok(Step::Message(message)));
                    }
                    if let Poll::Ready(send) = poll_send(cx, socket, outgoing, unflushed) {
                        return Poll::Ready(send);
                    }
                    if reading && !read_first && let Poll::Ready(message) = socket.poll_next_unpin(cx) {
                        return Poll::Ready(Ok(Step::Message(message)));
                    }
                    Poll::Pending
                }) => match step {
                    Ok(Step::Flushed) => unflushed = false,
                    Ok(Step::Order(order)) => match obey(order, self.connection, socket) {
                        Ok(true) => {
                            unflushed = true;
                            life.wrote();
                        }
                        Ok(false) => {}
                        Err(end) => return end,
                    },
                    Ok(Step::Message(message)) => match read(message, &mut life) {
                        Ok(Some(frame)) => if let Some(room) = room.take() {
                            let event = LinkEvent::Frame(self.connection, frame);
                            room.send(FromLink { link: self.link, event });
                            not_reading = Instant::now();
                        },
                        Ok(None) => {}
                        Err(error) => return End::Failed(error),
                    },
                    Err(error) => return End::Failed(error),
                },
                _ = tick.tick(), if reading => match life.look(self.timing, Instant::now()) {
                    Next::Wait => {}
                    Next::Ask => {
                        if let Err(error) = socket.start_send_unpin(Message::Ping(Bytes::new())) {
                            return End::Failed(ConnectionError::lost(error));
                        }
                        unflushed = true;
                    }
                    Next::GiveUp => return End::Failed(ConnectionError::Silent),
                },
            }
        }
    }

    async fn say_goodbye(&mut self) {
        while let Ok(order) = self.outgoing.try_recv() {
            if obey(Some(order), self.connection, &mut self.socket).is_err() {
                break;
            }
        }
        let _ = self.socket.send(Message::Close(None)).await;
    }
}

/// Waits until `connection` is given up. None: nobody is left who could say so.
async fn given_up(
    dropped: &mut watch::Receiver<Dropped>,
    connection: Connection,
) -> Option<DropReason> {
    let dropped = dropped.wait_for(|last| last.is_some_and(|(which, _)| which == connection));
    dropped
        .await
        .ok()
        .and_then(|last| last.map(|(_, reason)| reason))
}

/// Orders come before flushing, so that everything that waits leaves in one write; no order is
/// taken while the network takes nothing.
fn poll_send(
    cx: &mut Context<'_>,
    socket: &mut Socket,
    outgoing: &mut mpsc::Receiver<ToLink>,
    unflushed: bool,
) -> Poll<Result<Step, ConnectionError>> {
    match socket.poll_ready_unpin(cx) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(error)) => return Poll::Ready(Err(ConnectionError::lost(error))),
        Poll::Pending => return Poll::Pending,
    }
    if let Poll::Ready(order) = outgoing.poll_recv(cx) {
        return Poll::Ready(Ok(Step::Order(order)));
    }
    if !unflushed {
        return Poll::Pending;
    }
    let flushed = socket.poll_flush_unpin(cx);
    flushed.map(|result| {
        result
            .map(|()| Step::Flushed)
            .map_err(ConnectionError::lost)
    })
}

/// Carries out one order. Says whether something was written.
fn obey(order: Option<ToLink>, connection: Connection, socket: &mut Socket) -> Result<bool, End> {
    match order {
        None => Err(End::Stopped),
        Some(ToLink::Send(to, frames)) if to == connection => {
            write(socket, &frames).map_err(End::Failed)?;
            Ok(true)
        }
        // For a connection that is gone, or "try now" while one stands.
        Some(_) => Ok(false),
    }
}

fn write(socket: &mut Socket, frames: &[ClientFrame]) -> Result<(), ConnectionError> {
    for frame in frames {
        let message = Message::Binary(encode(frame).into());
        socket
            .start_send_unpin(message)
            .map_err(ConnectionError::lost)?;
    }
    Ok(())
}

fn read(
    message: Option<Result<Message, WsError>>,
    life: &mut Life,
) -> Result<Option<RelayFrame>, ConnectionError> {
    let now = Instant::now();
    let bytes = match message {
        Some(Ok(Message::Binary(bytes))) => bytes,
        Some(Ok(Message::Ping(data))) => {
            life.heard(data.len(), now);
            return Ok(None);
        }
        Some(Ok(Message::Pong(_))) => {
            life.answered(now);
            return Ok(None);
        }
        Some(Ok(Message::Close(_))) | None => return Err(ConnectionError::Closed),
        Some(Ok(_)) => return Err(ConnectionError::Garbage("a text message")),
        Some(Err(error)) => return Err(ConnectionError::lost(error)),
    };
    match decode(&bytes, limits::MAX_FRAME) {
        Ok(RelayFrame::Hello(_)) => Err(ConnectionError::OutOfOrder("a second hello")),
        Ok(RelayFrame::Closing(refusal)) => Err(ConnectionError::Refused(refusal)),
        Ok(frame) => {
            life.frame(&frame, bytes.len(), now);
            Ok(Some(frame))
        }
        Err(_) => Err(ConnectionError::Garbage("a frame that can't be read")),
    }
}
