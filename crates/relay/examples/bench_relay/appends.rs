//! Durable appends a second, by how many are under way, and one entry to many subscribers.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use sotto_suite::sign::SigningKey;
use sotto_wire::{
    AppendId, ClientFrame, Command, Lane, RelayAddress, RelayFrame, Reply, Role, decode, encode,
    limits,
};
use tokio_tungstenite::tungstenite::Message;

use super::BODY;
use crate::common::{Client, Room};

/// How long each figure is measured.
pub(crate) const EACH: Duration = Duration::from_secs(4);

/// A connection with a channel of its own, whose subscribers are away: every entry is kept.
struct Writer {
    client: Client,
    room: Room,
    sent: u64,
}

impl Writer {
    async fn open(address: &RelayAddress) -> Self {
        let mut client = Client::connect(address).await;
        let room = Room::open(&mut client).await;
        Self {
            client,
            room,
            sent: 0,
        }
    }

    fn next(&mut self) -> Message {
        self.sent += 1;
        let mut command = self.room.entry(Lane::Chat, 0, 0, &[7; BODY]);
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

    /// Answered appends in [`EACH`], with `under_way` of them unanswered at any time.
    async fn append(&mut self, under_way: u64) -> u64 {
        let (start, mut answered) = (Instant::now(), 0);
        for _ in 0..under_way {
            let message = self.next();
            self.client.socket.feed(message).await.unwrap();
        }
        self.client.socket.flush().await.unwrap();
        let mut waiting = under_way;
        while waiting > 0 {
            let mut gone = self.answer().await;
            // What came together goes on together.
            while let Some(more) = futures_util::FutureExt::now_or_never(self.answer()) {
                gone += more;
            }
            answered += gone;
            waiting -= gone;
            if start.elapsed() < EACH {
                for _ in 0..gone {
                    let message = self.next();
                    self.client.socket.feed(message).await.unwrap();
                }
                self.client.socket.flush().await.unwrap();
                waiting += gone;
            }
        }
        answered
    }

    async fn answer(&mut self) -> u64 {
        loop {
            if let Message::Binary(bytes) = self.client.socket.next().await.unwrap().unwrap() {
                let frame: RelayFrame = decode(&bytes, limits::MAX_FRAME).unwrap();
                assert!(
                    matches!(
                        frame,
                        RelayFrame::Reply {
                            reply: Reply::Appended(_),
                            ..
                        }
                    ),
                    "{frame:?}"
                );
                return 1;
            }
        }
    }
}

/// Appends a second over `connections`, each with `under_way` unanswered. All of them are one thread's,
/// as they are in the tools of the peers: more would only take turns with the relay on few cores.
pub(crate) fn appends(address: &RelayAddress, connections: usize, under_way: u64) -> f64 {
    let address = address.clone();
    let measuring = std::thread::spawn(move || {
        let one = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        one.block_on(measured(&address, connections, under_way))
    });
    measuring.join().unwrap()
}

async fn measured(address: &RelayAddress, connections: usize, under_way: u64) -> f64 {
    let mut writers = Vec::new();
    for _ in 0..connections {
        writers.push(Writer::open(address).await);
    }
    let start = Instant::now();
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut writer| tokio::spawn(async move { writer.append(under_way).await }))
        .collect();
    let mut answered = 0;
    for task in tasks {
        answered += task.await.unwrap();
    }
    answered as f64 / start.elapsed().as_secs_f64()
}

/// Milliseconds from sending one entry until the last of `count` subscribers has it.
pub(crate) async fn fan_out(address: &RelayAddress, count: usize) -> f64 {
    let keys: Vec<SigningKey> = (0..count)
        .map(|n| {
            let mut seed = [9; 32];
            seed[..8].copy_from_slice(&(n as u64).to_be_bytes());
            SigningKey::from_seed(&sotto_suite::secret::Secret::new(seed))
        })
        .collect();
    let room = Room::new();
    let mut writer = Client::connect(address).await;
    writer.prove(room.channel, Role::Admin, &room.admin).await;
    let create = Command::Create {
        channel: room.channel,
        admin: room.admin.public(),
        writers: vec![room.writer.public()],
        subscribers: keys.iter().map(SigningKey::public).collect(),
    };
    assert_eq!(writer.ask(create).await, Ok(Reply::Done));
    writer.prove(room.channel, Role::Writer, &room.writer).await;
    let mut readers = Vec::new();
    for key in &keys {
        let mut reader = Client::connect(address).await;
        reader.subscribe(&room, key).await;
        reader.next_delivery().await;
        readers.push(reader);
    }
    // Once to warm up.
    let mut times = Vec::new();
    for round in 0..6u8 {
        let start = Instant::now();
        writer.append(&room, round + 1, &[7; BODY]).await.unwrap();
        for (reader, key) in readers.iter_mut().zip(&keys) {
            let entry = reader.next_entry().await;
            reader
                .acknowledge(room.channel, key.public(), entry.position.0)
                .await;
        }
        if round > 0 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    super::quantile(&mut times, 0.5)
}
