//! A profile with one long conversation, for whoever measures what a screen does with it.
//!
//! Everything is real: two client runtimes and a relay between them, real texts that both sides
//! write, many on their way at once. Bob and the relay are gone afterwards; the profile "alice"
//! stays in the data folder, under the passphrase "a long history". One JSON line says what it
//! took, and how long a screen waits for pages of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a tool of benchmarks"
)]

#[path = "../bench/people.rs"]
mod people;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use people::{Home, Meeting, Person};
use serde_json::json;
use sotto_client::contract::{Answer, Call, Query, Request};
use sotto_client::{Host, HostConfig, Profile, Protection, Timing};
use sotto_engine::{Command, ConversationId, Delivery};
use sotto_tests::{Line, Who, load};
use tokio_util::sync::CancellationToken;

const PASSPHRASE: &str = "a long history";
/// Texts on their way at once, at most: a listener may be 4,096 events behind.
const WINDOW: usize = 512;
/// As many messages as a screen reads at once.
const PAGE: u32 = 50;
/// How often each page is read for its figure.
const READS: usize = 201;

/// Makes a profile "alice" whose one conversation is long.
#[derive(Parser)]
struct Arguments {
    /// Data folder in which the profile is made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How many messages
    #[arg(long, value_name = "N")]
    messages: usize,
    /// Real conversations, one JSON a line
    #[arg(
        long,
        value_name = "FILE",
        default_value = "tests/data/conversations.jsonl"
    )]
    texts: PathBuf,
}

fn main() {
    let Arguments {
        data,
        messages,
        texts,
    } = Arguments::parse();
    let lines: Vec<Line> = load(&texts).unwrap().into_iter().flatten().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let start = Instant::now();
        talk(&data, &lines, messages).await;
        let seconds = start.elapsed().as_secs_f64();
        let database = data.join("profiles/alice/profile.db");
        let size = std::fs::metadata(database).unwrap().len();
        let waits = read(&data, messages).await;
        let line = json!({
            "messages": messages,
            "seconds": round(seconds),
            "database_bytes": size,
            "milliseconds": waits,
        });
        println!("{line}");
    });
}

/// Alice and Bob say the lines, over and over, until there are as many as wanted.
async fn talk(data: &Path, lines: &[Line], messages: usize) {
    let elsewhere = tempfile::tempdir().unwrap();
    let protection = Protection::Passphrase {
        passphrase: PASSPHRASE.into(),
    };
    let home = Home {
        data: data.to_owned(),
        protection,
    };
    let mut meeting = Meeting::at(elsewhere.path(), home).await;
    meeting.alice.forget_events().await;
    let (mut sent, mut heard) = (0, 0);
    for line in lines.iter().cycle().take(messages) {
        while sent - heard >= WINDOW {
            hear(&mut meeting).await;
            heard += 1;
        }
        say(&meeting, line).await;
        sent += 1;
    }
    while heard < sent {
        hear(&mut meeting).await;
        heard += 1;
    }
    settle(&meeting.alice.profile, meeting.conversation).await;
    settle(&meeting.bob.profile, meeting.bobs).await;
    meeting.end().await;
}

async fn say(meeting: &Meeting, line: &Line) {
    let (person, conversation) = match line.from {
        Who::Alice => (&meeting.alice, meeting.conversation),
        Who::Bob => (&meeting.bob, meeting.bobs),
    };
    let text = line.text.clone();
    let command = Command::SendText { conversation, text };
    drop(person.profile.submit(command).await.unwrap());
}

/// Both have one more text, their own or the other's.
async fn hear(meeting: &mut Meeting) {
    let Meeting { alice, bob, .. } = meeting;
    let both: [&mut Person; 2] = [alice, bob];
    for person in both {
        person.text().await;
    }
}

/// Everything has its place and is read, and the other side knows.
async fn settle(profile: &Profile, conversation: ConversationId) {
    let newest = move |reader: &mut sotto_client::Reader| reader.messages(conversation, None, 1);
    loop {
        let page = profile.read(newest).await.unwrap();
        let last = page.messages.last().unwrap();
        if last.delivery != Delivery::Queued {
            let message = last.message;
            let read = Command::MarkRead {
                conversation,
                message,
            };
            profile.command(read).await.unwrap();
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// How long a screen waits, through the calls that it uses.
async fn read(data: &Path, messages: usize) -> serde_json::Value {
    let config = HostConfig {
        data: data.to_owned(),
        timing: Timing::default(),
    };
    let host = Host::new(config, CancellationToken::new());
    let start = Instant::now();
    let alice = "alice".parse().unwrap();
    host.open(&alice, Some(PASSPHRASE.into())).await.unwrap();
    let opening = milliseconds(start);
    let Answer::Conversations(conversations) = ask(&host, Query::Conversations {}).await else {
        panic!("no conversations")
    };
    let conversation = conversations[0].conversation;
    let newest = conversations[0].last.as_ref().unwrap().order;
    let page = |before| Query::Messages {
        conversation,
        before,
        after: None,
        limit: PAGE,
    };
    let (first, _) = time(&host, page(None), 1).await;
    let (newest_page, shown) = time(&host, page(None), READS).await;
    let (middle_page, in_the_middle) = time(&host, page(Some(newest / 2)), READS).await;
    let (list, _) = time(&host, Query::Conversations {}, READS).await;
    let full = usize::try_from(PAGE).unwrap().min(messages);
    assert_eq!((shown, in_the_middle.min(full)), (full, in_the_middle));
    assert_eq!(count(&host, conversation).await, messages);
    host.close().await;
    json!({
        "opening": opening,
        "first_page_after_opening": first,
        "newest_page": newest_page,
        "middle_page": middle_page,
        "conversations": list,
    })
}

async fn ask(host: &Host, query: Query) -> Answer {
    let call = Call {
        profile: Some("alice".parse().unwrap()),
        request: Request::Query(query),
    };
    host.call(call).await.unwrap()
}

/// The median of so many, and how many messages came.
async fn time(host: &Host, query: Query, reads: usize) -> (f64, usize) {
    let mut times = Vec::with_capacity(reads);
    let mut came = 0;
    for _ in 0..reads {
        let start = Instant::now();
        if let Answer::Messages(page) = ask(host, query.clone()).await {
            came = page.messages.len();
        }
        times.push(milliseconds(start));
    }
    times.sort_by(f64::total_cmp);
    (times[reads / 2], came)
}

/// Scrolls to the beginning.
async fn count(host: &Host, conversation: ConversationId) -> usize {
    let (mut all, mut before) = (0, None);
    loop {
        let query = Query::Messages {
            conversation,
            before,
            after: None,
            limit: 200,
        };
        let Answer::Messages(page) = ask(host, query).await else {
            panic!("no page")
        };
        all += page.messages.len();
        before = page.messages.first().map(|message| message.order);
        if !page.more {
            return all;
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    round(since.elapsed().as_secs_f64() * 1e3)
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
