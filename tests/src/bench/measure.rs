//! One run: latency of single texts, then as many a second as go through.

use std::path::Path;
use std::time::{Duration, Instant};

use super::clock::{Times, on_processor};
use super::figure::line;
use super::forwarder::Forwarder;
use super::people::Meeting;

/// Turns of ours and the peer's.
const TURNS: usize = 10;
/// Texts in a turn, one at a time.
const SINGLES: usize = 50;
/// Between two texts, so that none runs into what the one before left to do.
const PAUSE: Duration = Duration::from_millis(3);
/// Texts in a row without a pause, in each of the turns that measure how many go through.
const MANY: u64 = 2_000;
/// Turns of those.
const MANY_TURNS: usize = 3;
/// Texts on their way at once, at most.
const WINDOW: u64 = 1_024;

/// Everything in this process.
pub fn run(folder: &Path, label: &str) {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut ours = Ours {
            meeting: Meeting::new(folder.path()).await,
            sent: 0,
            heard: 0,
        };
        let mut peer = Peer {
            forwarder: Forwarder::new(),
            sent: 0,
            heard: 0,
        };
        singles(&mut ours, &mut peer, label).await;
        many(&mut ours, &mut peer, label).await;
        peer.forwarder.end().await;
        ours.meeting.end().await;
    });
}

const PEER: &str = "bare TLS forwarder";

async fn singles(ours: &mut Ours, peer: &mut Peer, label: &str) {
    let (mut times, mut theirs) = (Times::default(), Times::default());
    for turn in 0..=TURNS {
        // The first turn warms everything up.
        let (mut warm, mut cold) = (Times::default(), Times::default());
        let (times, theirs) = if turn == 0 {
            (&mut warm, &mut cold)
        } else {
            (&mut times, &mut theirs)
        };
        for _ in 0..SINGLES {
            tokio::time::sleep(PAUSE).await;
            let start = Instant::now();
            ours.send().await;
            ours.hear().await;
            times.add(start.elapsed());
        }
        for _ in 0..SINGLES {
            tokio::time::sleep(PAUSE).await;
            let start = Instant::now();
            peer.send().await;
            peer.hear().await;
            theirs.add(start.elapsed());
        }
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (value, peer) = (times.quantile(share), theirs.quantile(share));
        let name = format!("person to person, {name}, {label}");
        line(&name, value, "ms", PEER, peer);
    }
}

async fn many(ours: &mut Ours, peer: &mut Peer, label: &str) {
    let (mut times, mut theirs) = (Times::default(), Times::default());
    let mut used = (Duration::ZERO, Duration::ZERO);
    for _ in 0..MANY_TURNS {
        let (start, before) = (Instant::now(), on_processor());
        for _ in 0..MANY {
            while ours.sent - ours.heard >= WINDOW {
                ours.hear().await;
            }
            ours.send().await;
        }
        while ours.heard < ours.sent {
            ours.hear().await;
        }
        times.add(start.elapsed());
        // What comes afterwards (own entries' places, receipts) is part of the work.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        used.0 += on_processor() - before;

        let (start, before) = (Instant::now(), on_processor());
        for _ in 0..MANY {
            while peer.sent - peer.heard >= WINDOW {
                peer.hear().await;
            }
            peer.send().await;
        }
        while peer.heard < peer.sent {
            peer.hear().await;
        }
        theirs.add(start.elapsed());
        used.1 += on_processor() - before;
    }
    let rate = |times: &Times| MANY as f64 / (times.quantile(0.5) / 1e3);
    let name = format!("person to person, texts a second, {label}");
    line(&name, rate(&times), "1/s", PEER, rate(&theirs));
    let each = |used: Duration| used.as_secs_f64() * 1e6 / (MANY * MANY_TURNS as u64) as f64;
    let name = format!("processor time of a text, both clients and relay, {label}");
    line(&name, each(used.0), "µs", PEER, each(used.1));
}

struct Ours {
    meeting: Meeting,
    sent: u64,
    heard: u64,
}

impl Ours {
    async fn send(&mut self) {
        let words =
            "The ferry is late, so there is no need to run: I have the drawings with me, yes";
        let text = format!("{:020} {words}", self.sent);
        let command = self.meeting.say(text);
        self.sent += 1;
        // The answer comes when the text is kept; the event at the other side is waited for.
        drop(self.meeting.alice.profile.submit(command).await.unwrap());
    }

    /// Each text arrives once, in order, or there is no figure.
    async fn hear(&mut self) {
        let text = self.meeting.bob.text().await;
        let number: u64 = text[..20].parse().unwrap();
        assert_eq!(number, self.heard, "out of order, lost or doubled");
        self.heard += 1;
    }
}

struct Peer {
    forwarder: Forwarder,
    sent: u64,
    heard: u64,
}

impl Peer {
    async fn send(&mut self) {
        self.forwarder.send(self.sent).await;
        self.sent += 1;
    }

    async fn hear(&mut self) {
        assert_eq!(self.forwarder.event().await, self.heard);
        self.heard += 1;
    }
}
