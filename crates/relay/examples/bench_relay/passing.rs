//! Messages from one connection to another: one by one, and as many as go.

use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use sotto_wire::{
    AppendId, ClientFrame, Command, Delivered, Lane, RelayAddress, RelayFrame, decode, encode,
    limits,
};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::BODY;
use crate::common::{Client, Room, Stream, open};

/// Messages on their way at the same time.
pub(crate) const WINDOW: usize = 256;

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Two connections to the forwarder.
pub(crate) struct Forwarded {
    from: Socket,
    to: Socket,
}

impl Forwarded {
    pub(crate) async fn open(address: &RelayAddress) -> Self {
        let (from, _) = open(address, None).await.unwrap();
        let (to, _) = open(address, None).await.unwrap();
        Self { from, to }
    }

    /// Sends a message when the one before has arrived; microseconds from sending to arrival.
    pub(crate) async fn one_by_one(&mut self, count: usize, times: &mut Vec<f64>) {
        for _ in 0..count {
            let message = Message::Binary(vec![7; BODY].into());
            let start = Instant::now();
            self.from.send(message).await.unwrap();
            self.to.next().await.unwrap().unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }

    /// Messages a second, with a window of them on their way.
    pub(crate) async fn streamed(&mut self, count: usize) -> f64 {
        let start = Instant::now();
        let window = std::sync::Arc::new(tokio::sync::Semaphore::new(WINDOW));
        let sending = async {
            for _ in 0..count {
                window.acquire().await.unwrap().forget();
                self.from
                    .feed(Message::Binary(vec![7; BODY].into()))
                    .await
                    .unwrap();
                if window.available_permits() == 0 {
                    self.from.flush().await.unwrap();
                }
            }
            self.from.flush().await.unwrap();
        };
        let receiving = async {
            for _ in 0..count {
                self.to.next().await.unwrap().unwrap();
                window.add_permits(1);
            }
        };
        tokio::join!(sending, receiving);
        count as f64 / start.elapsed().as_secs_f64()
    }
}

/// A writer and a subscriber of one channel of the relay.
pub(crate) struct Relayed {
    writer: Client,
    reader: Client,
    room: Room,
    sent: u64,
}

impl Relayed {
    pub(crate) async fn open(address: &RelayAddress) -> Self {
        let mut writer = Client::connect(address).await;
        let room = Room::open(&mut writer).await;
        let mut reader = Client::connect(address).await;
        reader.subscribe(&room, &room.bob).await;
        reader.next_delivery().await;
        // Alice does not read here, so that entries go when Bob has them.
        writer
            .prove(room.channel, sotto_wire::Role::Subscriber, &room.alice)
            .await;
        let alice = Command::Unsubscribe {
            channel: room.channel,
            subscriber: room.alice.public(),
        };
        writer.ask(alice).await.unwrap();
        Self {
            writer,
            reader,
            room,
            sent: 0,
        }
    }

    fn next(&mut self, lane: Lane) -> Message {
        self.sent += 1;
        let mut command = self.room.entry(lane, 0, 0, &[7; BODY]);
        if let Command::Append {
            append: AppendId(id),
            ..
        } = &mut command
        {
            id[..8].copy_from_slice(&self.sent.to_be_bytes());
        }
        let id = self.sent as u32;
        Message::Binary(encode(&ClientFrame::Request { id, command }).into())
    }

    /// Sends an entry when the one before has been delivered, and acknowledges it; microseconds
    /// from sending to delivery.
    pub(crate) async fn one_by_one(&mut self, lane: Lane, count: usize, times: &mut Vec<f64>) {
        for _ in 0..count {
            let message = self.next(lane);
            let start = Instant::now();
            self.writer.socket.send(message).await.unwrap();
            let delivered = delivery(&mut self.reader.socket).await;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            if let Some(acknowledge) = acknowledgement(&self.room, &delivered) {
                self.reader.socket.send(acknowledge).await.unwrap();
            }
            self.writer.answer().await.unwrap();
        }
    }

    /// Messages a second, from the first sent to the last delivered, with a window of them on
    /// their way; each is answered and acknowledged as in real life.
    pub(crate) async fn streamed(&mut self, lane: Lane, count: usize) -> f64 {
        let messages: Vec<Message> = (0..count).map(|_| self.next(lane)).collect();
        let start = Instant::now();
        let window = tokio::sync::Semaphore::new(WINDOW);
        let Self {
            writer,
            reader,
            room,
            ..
        } = self;
        let (mut asking, mut answers) = (&mut writer.socket).split();
        let sending = async {
            for message in messages {
                window.acquire().await.unwrap().forget();
                asking.feed(message).await.unwrap();
                if window.available_permits() == 0 {
                    asking.flush().await.unwrap();
                }
            }
            asking.flush().await.unwrap();
        };
        let answered = async {
            let mut answered = 0;
            while answered < count {
                answered += usize::from(answers.next().await.unwrap().unwrap().is_binary());
            }
        };
        let receiving = async {
            for n in 1..=count {
                let delivered = delivery(&mut reader.socket).await;
                window.add_permits(1);
                // As a client does: what came together is acknowledged together.
                if (n % 32 == 0 || n == count)
                    && let Some(acknowledge) = acknowledgement(room, &delivered)
                {
                    reader.socket.send(acknowledge).await.unwrap();
                }
            }
        };
        tokio::join!(sending, answered, receiving);
        count as f64 / start.elapsed().as_secs_f64()
    }
}

async fn delivery(socket: &mut Socket) -> Delivered {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => match decode(&bytes, limits::MAX_FRAME).unwrap() {
                RelayFrame::Deliver { delivered, .. } => return delivered,
                other => panic!("{other:?}"),
            },
            // The relay asks whether we are there; the library has answered.
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn acknowledgement(room: &Room, delivered: &Delivered) -> Option<Message> {
    let Delivered::Entry(entry) = delivered else {
        return None;
    };
    let frame = ClientFrame::Acknowledge {
        channel: room.channel,
        subscriber: room.bob.public(),
        position: entry.position,
    };
    Some(Message::Binary(encode(&frame).into()))
}
