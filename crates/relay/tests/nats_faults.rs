//! Servers and relays that fail while people talk: real processes, killed, paused and cut off.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod cluster;
mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster::Cluster;
use common::blob::Blob;
use common::*;
use futures_util::SinkExt as _;
use sotto_suite::sign::SigningKey;
use sotto_wire::*;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

/// Entries that Alice writes without waiting.
const WINDOW: u64 = 16;

/// Relay processes of one address over one cluster.
struct Relays {
    folders: Vec<TempDir>,
    store: String,
    running: Vec<Mutex<Option<(Child, RelayAddress)>>>,
}

impl Relays {
    /// The first makes the identity key, the others are given it.
    fn start(cluster: &Cluster, count: usize) -> Self {
        let servers: Vec<String> = cluster.addresses();
        let relays = Self {
            folders: (0..count).map(|_| tempfile::tempdir().unwrap()).collect(),
            store: format!("{}?shards=2", servers.join(",")),
            running: (0..count).map(|_| Mutex::default()).collect(),
        };
        for n in 0..count {
            if n > 0 {
                let key = |n: usize| relays.folders[n].path().join("identity.key");
                std::fs::copy(key(0), key(n)).unwrap();
            }
            relays.run(n);
        }
        relays
    }

    fn run(&self, n: usize) {
        *self.running[n].lock().unwrap() = Some(spawn(self.folders[n].path(), &self.store));
    }

    fn address(&self, n: usize) -> Option<RelayAddress> {
        let running = self.running[n].lock().unwrap();
        running.as_ref().map(|(_, address)| address.clone())
    }

    /// SIGKILL.
    fn kill(&self, n: usize) {
        let (mut child, _) = self.running[n].lock().unwrap().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A connection to relay `n`, or another one that runs, with this key proven.
    async fn connect(&self, n: usize, room: &Room, role: Role) -> Client {
        let mut n = n;
        loop {
            n = (n + 1) % self.running.len();
            let Some(address) = self.address(n) else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let key = match role {
                Role::Writer => &room.writer,
                Role::Subscriber => &room.bob,
                Role::Admin | Role::Owner => &room.admin,
            };
            let key = SigningKey::from_seed(key.seed());
            let channel = room.channel;
            // What a connection that breaks makes the client of the tests do is to panic.
            let connected = tokio::spawn(async move {
                let mut client = Client::connect(&address).await;
                client.prove(channel, role, &key).await;
                client
            });
            if let Ok(client) = connected.await {
                return client;
            }
        }
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        for running in &self.running {
            if let Some((mut child, _)) = running.lock().unwrap().take() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn spawn(data: &Path, store: &str) -> (Child, RelayAddress) {
    let mut child = Process::new(env!("CARGO_BIN_EXE_sotto-relay"))
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0", "--plain", "--store", store])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let address = line.trim_end().parse();
    (child, address.expect("the relay does not start"))
}

/// What two people know of their talk.
#[derive(Default)]
struct Talk {
    /// Entries that were answered.
    answered: AtomicU64,
    /// Alice writes no more after these.
    enough: AtomicBool,
}

/// Alice writes until it is enough, and sends again what was not answered. What she is answered
/// holds for good.
async fn write(relays: &Relays, room: &Room, talk: &Talk) -> (Vec<Appended>, HashSet<u64>) {
    let mut answers: BTreeMap<u64, Appended> = BTreeMap::new();
    let (mut refused, mut unanswered) = (HashSet::new(), 0u64);
    for turn in 0.. {
        let mut alice = relays.connect(turn, room, Role::Writer).await;
        let mut asked: HashMap<RequestId, u64> = HashMap::new();
        let mut next = unanswered;
        'connection: loop {
            while asked.len() < WINDOW as usize
                && !(talk.enough.load(Ordering::SeqCst) && next > unanswered + WINDOW)
            {
                let id = u32::try_from(next - unanswered).unwrap() + 1000;
                let mut command = room.chat(0, &next.to_be_bytes());
                if let Command::Append { append, .. } = &mut command {
                    append.0[..8].copy_from_slice(&next.to_be_bytes());
                }
                let frame = encode(&ClientFrame::Request {
                    id: id + turn as u32,
                    command,
                });
                if alice
                    .socket
                    .send(Message::Binary(frame.into()))
                    .await
                    .is_err()
                {
                    break 'connection;
                }
                asked.insert(id + turn as u32, next);
                next += 1;
                // A person's pace, nearly.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            match alice.answer().await {
                Some(RelayFrame::Reply {
                    id,
                    reply: Reply::Appended(stood),
                }) => {
                    let n = asked.remove(&id).unwrap();
                    let before = answers.insert(n, stood);
                    assert!(
                        before.is_none_or(|before| before == stood),
                        "answered in two ways"
                    );
                    talk.answered.fetch_add(1, Ordering::SeqCst);
                }
                Some(RelayFrame::Refused { id, refusal }) => {
                    assert_eq!(refusal.code, RefusalCode::Unavailable);
                    refused.insert(asked[&id]);
                    break;
                }
                Some(RelayFrame::Closing(refusal)) => {
                    assert_eq!(refusal.code, RefusalCode::Unavailable);
                    break;
                }
                None => break,
                Some(other) => panic!("{other:?}"),
            }
            if asked.is_empty() {
                break;
            }
        }
        while answers.contains_key(&unanswered) {
            unanswered += 1;
        }
        if talk.enough.load(Ordering::SeqCst) && answers.len() as u64 == unanswered {
            break;
        }
    }
    assert_eq!(answers.len() as u64, unanswered);
    (answers.into_values().collect(), refused)
}

/// Bob reads and acknowledges until he has `total`. A cursor that he was told never moves back, and
/// nothing before it is delivered again.
async fn read(relays: &Relays, room: &Room, total: &AtomicU64) -> BTreeMap<u64, Entry> {
    let mut have: BTreeMap<u64, Entry> = BTreeMap::new();
    let mut told = 0;
    for turn in 1.. {
        if have.len() as u64 == total.load(Ordering::SeqCst) {
            break;
        }
        let mut bob = relays.connect(turn, room, Role::Subscriber).await;
        let (channel, subscriber) = (room.channel, room.bob.public());
        let subscribe = ClientFrame::Request {
            id: 7,
            command: Command::Subscribe {
                channel,
                subscriber,
            },
        };
        if bob
            .socket
            .send(Message::Binary(encode(&subscribe).into()))
            .await
            .is_err()
        {
            continue;
        }
        let mut at = told;
        while have.len() as u64 != total.load(Ordering::SeqCst) {
            let heard = tokio::time::timeout(Duration::from_secs(1), hear(&mut bob.socket)).await;
            let frame = match heard {
                // Nothing new; the number to wait for may have become known.
                Err(_) => continue,
                Ok(None) => break,
                Ok(Some(frame)) => frame,
            };
            match frame {
                RelayFrame::Reply {
                    reply: Reply::Subscribed(stands),
                    ..
                } => {
                    assert!(stands.cursor.0 >= told, "a cursor moved back");
                    (told, at) = (stands.cursor.0, stands.cursor.0);
                }
                RelayFrame::Deliver {
                    delivered: Delivered::Entry(entry),
                    ..
                } => {
                    let position = entry.position.0;
                    assert_eq!(position, at + 1, "out of order, or again");
                    at = position;
                    let before = have.insert(position, entry.clone());
                    assert!(
                        before.is_none_or(|before| before == entry),
                        "delivered in two ways"
                    );
                    let position = Position(position);
                    let acknowledge = ClientFrame::Acknowledge {
                        channel,
                        subscriber,
                        position,
                    };
                    let frame = Message::Binary(encode(&acknowledge).into());
                    if bob.socket.send(frame).await.is_err() {
                        break;
                    }
                }
                RelayFrame::Deliver {
                    delivered: Delivered::Gap(gap),
                    ..
                } => {
                    // Only what he has acknowledged himself can be gone.
                    assert!(
                        have.contains_key(&gap.until.0) && gap.until.0 > at,
                        "{gap:?}"
                    );
                    at = gap.until.0;
                }
                RelayFrame::Deliver { .. } => {}
                RelayFrame::Refused { refusal, .. } | RelayFrame::Closing(refusal) => {
                    assert_eq!(refusal.code, RefusalCode::Unavailable);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    have
}

/// Alice and Bob talk while something happens; then everything is compared.
async fn talk_while<F: Future<Output = ()>>(
    relays: Arc<Relays>,
    happening: impl FnOnce(Arc<Talk>) -> F,
) {
    let talk = Arc::new(Talk::default());
    let total = Arc::new(AtomicU64::new(u64::MAX));
    let room = Arc::new(Room::new());
    let mut admin = relays.connect(0, &room, Role::Admin).await;
    let create = Command::Create {
        channel: room.channel,
        admin: room.admin.public(),
        writers: vec![room.writer.public()],
        // Alone, so that entries go as soon as he has acknowledged them.
        subscribers: vec![room.bob.public()],
    };
    assert_eq!(admin.ask(create).await, Ok(Reply::Done));
    drop(admin);
    let alice = tokio::spawn({
        let (relays, room, talk) = (Arc::clone(&relays), Arc::clone(&room), Arc::clone(&talk));
        async move { write(&relays, &room, &talk).await }
    });
    let bob = tokio::spawn({
        let (relays, room, total) = (Arc::clone(&relays), Arc::clone(&room), Arc::clone(&total));
        async move { read(&relays, &room, &total).await }
    });
    happening(Arc::clone(&talk)).await;
    talk.enough.store(true, Ordering::SeqCst);
    let (answers, refused) = alice.await.unwrap();
    total.store(answers.len() as u64, Ordering::SeqCst);
    let have = bob.await.unwrap();
    println!("{} entries, {} refused once", answers.len(), refused.len());

    // Everything that was answered is there, once, where the answer said, with a reader's hash.
    let mut hash = ChainHash::start(&room.channel);
    let stood: HashMap<Position, (u64, ChainHash)> = (0..)
        .zip(&answers)
        .map(|(n, answer)| (answer.position, (n, answer.hash)))
        .collect();
    assert_eq!((stood.len(), have.len()), (answers.len(), answers.len()));
    let mut newest = None;
    for (expected, (position, entry)) in (1..).zip(&have) {
        assert_eq!(*position, expected, "a hole");
        hash = hash.next(entry.position, entry.lane, &entry.append, &entry.body);
        let (n, answered) = stood[&entry.position];
        assert_eq!((&entry.body[..], hash), (&n.to_be_bytes()[..], answered));
        // Alice's order, save what she was told to send again.
        if !refused.contains(&n) {
            assert!(newest < Some(n), "{n} after {newest:?}");
            newest = Some(n);
        }
    }
    // Every relay knows what Bob has; none delivers anything again.
    for relay in 0..relays.running.len() {
        let caught_up = async {
            loop {
                let mut bob = relays.connect(relay, &room, Role::Subscriber).await;
                let stands = bob.resubscribe(&room, &room.bob).await.unwrap();
                if stands.cursor == stands.head {
                    assert_eq!(stands.head, Position(answers.len() as u64));
                    assert_eq!(bob.next_delivery().await, Delivered::CaughtUp(stands.head));
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let caught_up = tokio::time::timeout(Duration::from_secs(60), caught_up).await;
        assert!(
            caught_up.is_ok(),
            "an acknowledgement was lost without a crash"
        );
    }
}

/// Waits until Alice was answered `more` times from now.
async fn after(talk: &Talk, more: u64) {
    let until = talk.answered.load(Ordering::SeqCst) + more;
    let progress = async {
        while talk.answered.load(Ordering::SeqCst) < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), progress).await;
    assert!(waited.is_ok(), "nothing is answered any more");
}

/// One story at a time: each has servers of its own.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn relays_are_killed_while_people_talk() {
    let _alone = ALONE.lock().await;
    let cluster = Cluster::start();
    let relays = Arc::new(Relays::start(&cluster, 2));
    let those = Arc::clone(&relays);
    talk_while(relays, async move |talk| {
        for round in 0..4 {
            after(&talk, 150).await;
            those.kill(round % 2);
            after(&talk, 100).await;
            those.run(round % 2);
        }
        after(&talk, 100).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_killed_and_paused_while_people_talk() {
    let _alone = ALONE.lock().await;
    let cluster = Cluster::start();
    let relays = Arc::new(Relays::start(&cluster, 2));
    talk_while(relays, async |talk| {
        after(&talk, 100).await;
        for node in 0..2 {
            cluster.kill(node);
            after(&talk, 150).await;
            cluster.run(node);
            after(&talk, 200).await;
        }
        for node in 1..3 {
            cluster.pause(node);
            after(&talk, 150).await;
            cluster.go_on(node);
            after(&talk, 200).await;
        }
        // Two of three, so that nothing can be stored for a while.
        cluster.kill(0);
        cluster.pause(1);
        tokio::time::sleep(Duration::from_secs(4)).await;
        cluster.go_on(1);
        after(&talk, 100).await;
        cluster.run(0);
        after(&talk, 100).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_cut_off_while_people_talk() {
    let _alone = ALONE.lock().await;
    let (cluster, lines) = Cluster::with_lines();
    let relays = Arc::new(Relays::start(&cluster, 3));
    talk_while(relays, async |talk| {
        for node in 0..2 {
            after(&talk, 100).await;
            lines.cut(node, true);
            after(&talk, 200).await;
            lines.cut(node, false);
            after(&talk, 100).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_over_another_relay() {
    let _alone = ALONE.lock().await;
    let cluster = Cluster::start();
    let relays = Relays::start(&cluster, 2);
    let first = relays.address(0).unwrap();
    let blob = Blob::new(3_000_000);
    let size = blob.bytes.len();
    let mut alice = Client::connect(&first).await;
    blob.make(&mut alice).await;
    // Killed while a part comes.
    let putting = async {
        let part = blob.bytes[..2_000_000].chunks(100_000);
        let (mut stream, _) = transport(&first).await;
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: relay\r\nauthorization: {}\r\nupload-offset: 0\r\ncontent-length: 2000000\r\n\r\n",
            blob.path(),
            blob.upload.authorization(),
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in part {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let second = relays.address(1).unwrap();
    let killing = async {
        while blob.head(&second).await.offset() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        relays.kill(0);
    };
    tokio::join!(putting, killing);
    let head = blob.head(&second).await;
    let at = usize::try_from(head.offset()).unwrap();
    assert!(at > 0 && at < 2_000_000, "{at}");
    assert_eq!(blob.get(&second, &[]).await.status, 404);
    let mut rest = blob.patch(&second, at, size).await;
    if rest.status == 409 {
        // The last that the first one had said arrived after the question.
        let at = usize::try_from(rest.offset()).unwrap();
        rest = blob.patch(&second, at, size).await;
    }
    assert_eq!((rest.status, rest.offset()), (204, size as u64));
    // The first comes back and serves it, whole and in ranges.
    relays.run(0);
    let first = relays.address(0).unwrap();
    let whole = blob.get(&first, &[]).await;
    assert_eq!(whole.status, 200);
    assert!(whole.body == blob.bytes);
    let part = blob.get(&first, &[("range", "bytes=524280-1048580")]).await;
    assert_eq!(part.status, 206);
    assert!(part.body == blob.bytes[524_280..=1_048_580]);
    // The owner keeps it longer there, and deletes it here.
    let mut alice = Client::connect(&first).await;
    assert_eq!(blob.make(&mut alice).await.received, size as u64);
    let mut alice = Client::connect(&second).await;
    alice.ask(blob.prove(&alice)).await.unwrap();
    assert_eq!(alice.ask(blob.delete()).await, Ok(Reply::Done));
    assert_eq!(blob.get(&first, &[]).await.status, 404);
}
