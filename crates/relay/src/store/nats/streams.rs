//! The streams, and the few things that are done with them.
//!
//! Subjects, with `P` for the prefix and `N` for the number of a channel's shard:
//!
//! | subject | stream | content |
//! |---|---|---|
//! | `P.N.c.CHANNEL` | `P-N` | the channel's log, with its newest snapshot |
//! | `P.N.p.CHANNEL` | `P-N` | parts of a snapshot too large for one message |
//! | `P.s.CHANNEL` | `P-due` | the number of a snapshot's message |
//! | `P.d.DAY.CHANNEL` | `P-due` | the channel is to be looked at on that day |
//! | `P.h.CHANNEL.KEY` | `P-here` | who has subscribed last, for two minutes |
//! | `P.b.BLOB` | `P-blobs` | a blob's record, as a log |
//! | `P.o.BLOB` | `P-parts` | its bytes |
//! | `P.w.CHANNEL.…` | none | wakes the relays that have listeners: `c` repeats the log, `h` who has subscribed, `e` is an ephemeral entry, `x` what has been deleted |

use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, Republish, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::ChannelId;

use super::{NatsOptions, OpenError};
use crate::jetstream::{Refused, Servers, Silent, Stream};

/// How long it is remembered who has subscribed last; longer than a missed notice stays missed.
const HERE: Duration = Duration::from_secs(120);
/// Version of subjects and messages, in the description of each stream.
const VERSION: u32 = 1;

/// The connection and the streams behind it.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) servers: Servers,
    pub(super) prefix: String,
    shards: Vec<Stream>,
    due: Stream,
    here: Stream,
    pub(super) blobs: Stream,
    pub(super) parts: Stream,
}

/// The subjects of one channel.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    pub(super) shard: usize,
    pub(super) log: String,
    hint: String,
    pub(super) parts: String,
    /// Prefix of what wakes.
    pub(super) wake: String,
    here: String,
    id: String,
}

impl Streams {
    /// Finds the streams, or makes them.
    pub(super) async fn open(
        client: Client,
        options: &NatsOptions,
        identity: &str,
    ) -> Result<Self, OpenError> {
        let servers = Servers::new(client);
        let prefix = options.prefix.clone();
        let replicas = options.replicas;
        let shards = made_with(&servers.context, &prefix)
            .await?
            .unwrap_or(options.shards);
        let shape = describe(shards, identity);
        let config = |name: String, subjects: Vec<String>| Config {
            name: format!("{prefix}-{name}"),
            subjects,
            description: Some(shape.clone()),
            num_replicas: replicas,
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            max_message_size: -1,
            max_bytes: -1,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            allow_direct: true,
            duplicate_window: Duration::from_millis(100),
            ..Config::default()
        };
        let republish = |source: String, destination: String| {
            Some(Republish {
                source,
                destination,
                headers_only: false,
            })
        };
        let due = Config {
            max_messages_per_subject: 1,
            discard: DiscardPolicy::Old,
            ..config(
                "due".into(),
                vec![format!("{prefix}.d.*.*"), format!("{prefix}.s.*")],
            )
        };
        // First, because it says how many shards there are.
        let due = stream(&servers, due, &shape).await?;
        let here = Config {
            max_messages_per_subject: 1,
            discard: DiscardPolicy::Old,
            max_age: HERE,
            republish: republish(
                format!("{prefix}.h.*.*"),
                format!("{prefix}.w.{{{{wildcard(1)}}}}.h.{{{{wildcard(2)}}}}"),
            ),
            ..config(
                "here".into(),
                vec![format!("{prefix}.h.*.*"), format!("{prefix}.pulse")],
            )
        };
        let here = stream(&servers, here, &shape).await?;
        let mut opened = Vec::new();
        for n in 0..shards {
            let name = n.to_string();
            let of = |kind: char| format!("{prefix}.{n}.{kind}.*");
            let shard = Config {
                republish: republish(of('c'), format!("{prefix}.w.{{{{wildcard(1)}}}}.c")),
                ..config(name, vec![of('c'), of('p')])
            };
            opened.push(stream(&servers, shard, &shape).await?);
        }
        let blobs = config("blobs".into(), vec![format!("{prefix}.b.*")]);
        let blobs = stream(&servers, blobs, &shape).await?;
        let parts = config("parts".into(), vec![format!("{prefix}.o.*")]);
        let parts = stream(&servers, parts, &shape).await?;
        Ok(Self {
            servers,
            prefix,
            shards: opened,
            due,
            here,
            blobs,
            parts,
        })
    }

    pub(super) fn subjects(&self, channel: &ChannelId) -> Subjects {
        let id = hex::encode(channel.as_bytes());
        // Random already, so its first byte spreads well.
        let shard =
            usize::from(*channel.as_bytes().first().unwrap_or(&0)) % self.shards.len().max(1);
        let prefix = &self.prefix;
        Subjects {
            shard,
            log: format!("{prefix}.{shard}.c.{id}"),
            hint: format!("{prefix}.s.{id}"),
            parts: format!("{prefix}.{shard}.p.{id}"),
            wake: format!("{prefix}.w.{id}"),
            here: format!("{prefix}.h.{id}"),
            id,
        }
    }

    fn shard(&self, shard: usize) -> Result<&Stream, Silent> {
        self.shards.get(shard).ok_or(Silent)
    }

    /// [`Servers::publish`].
    pub(super) async fn publish(
        &self,
        subject: &str,
        payload: Bytes,
        last: Option<u64>,
    ) -> Result<u64, Refused> {
        self.servers.publish(subject, payload, last).await
    }

    /// [`Stream::newest`].
    pub(super) async fn newest(
        &self,
        shard: usize,
        subject: &str,
    ) -> Result<Option<StreamMessage>, Silent> {
        self.shard(shard)?.newest(subject).await
    }

    /// [`Stream::next`].
    pub(super) async fn next(
        &self,
        shard: usize,
        subject: &str,
        from: u64,
    ) -> Result<Option<StreamMessage>, Silent> {
        self.shard(shard)?.next(subject, from).await
    }

    /// [`Stream::stands`].
    pub(super) async fn stands(
        &self,
        shard: usize,
        subject: &str,
        before: u64,
        number: u64,
    ) -> bool {
        match self.shard(shard) {
            Ok(shard) => shard.stands(subject, before, number).await,
            Err(Silent) => false,
        }
    }

    /// The number of a snapshot's message, maybe of an old one.
    pub(super) async fn hint(&self, subjects: &Subjects) -> Result<Option<u64>, Silent> {
        let hint = self.due.newest(&subjects.hint).await?;
        Ok(hint.and_then(|hint| Some(u64::from_be_bytes(hint.payload.as_ref().try_into().ok()?))))
    }

    /// Says where a snapshot is; without success only the reading takes longer.
    pub(super) async fn set_hint(&self, subjects: &Subjects, number: u64) {
        let number = Bytes::copy_from_slice(&number.to_be_bytes());
        let _ = self.publish(&subjects.hint, number, None).await;
    }

    /// Takes the hint of a deleted channel away.
    pub(super) async fn drop_hint(&self, subjects: &Subjects) -> Result<(), Silent> {
        self.due.purge(&subjects.hint, None).await
    }

    /// [`Stream::message`].
    pub(super) async fn message(
        &self,
        shard: usize,
        number: u64,
    ) -> Result<Option<StreamMessage>, Silent> {
        self.shard(shard)?.message(number).await
    }

    /// [`Stream::erase`].
    pub(super) async fn erase(&self, shard: usize, number: u64) -> Result<(), Silent> {
        self.shard(shard)?.erase(number).await
    }

    /// [`Stream::purge`].
    pub(super) async fn purge(
        &self,
        shard: usize,
        subject: &str,
        before: u64,
    ) -> Result<(), Silent> {
        self.shard(shard)?.purge(subject, Some(before)).await
    }

    /// Channels, as the servers count subjects: one whose snapshot takes several messages is counted
    /// twice, and so is one that is deleted and not cleared away counted still.
    pub(super) async fn channels(&self) -> Result<u64, Silent> {
        let mut channels = 0;
        for shard in &self.shards {
            channels += shard.info().await?.state.subjects_count;
        }
        Ok(channels)
    }

    /// Puts a channel down for a day.
    pub(super) async fn put_down(&self, subjects: &Subjects, day: u64) -> Result<(), Silent> {
        let subject = format!("{}.d.{day}.{}", self.prefix, subjects.id);
        let put = self.publish(&subject, Bytes::new(), None).await;
        put.map(drop).map_err(|_| Silent)
    }

    /// Channels put down for a day.
    pub(super) async fn put_down_for(&self, day: u64) -> Result<Vec<ChannelId>, Silent> {
        let filter = format!("{}.d.{day}.*", self.prefix);
        let subjects = self.due.subjects(filter).await?;
        let ids = subjects.iter().filter_map(|(subject, _)| {
            let id = hex::decode(subject.rsplit('.').next()?).ok()?;
            ChannelId::try_from(&id[..]).ok()
        });
        Ok(ids.collect())
    }

    /// Strikes a day out.
    pub(super) async fn strike_out(&self, day: u64) -> Result<(), Silent> {
        let day = format!("{}.d.{day}.*", self.prefix);
        self.due.purge(&day, None).await
    }

    /// Says that `subscriber` listens here now, and answers the number of this in the order of all
    /// that have said so.
    pub(super) async fn announce(
        &self,
        subjects: &Subjects,
        subscriber: &PublicKey,
        relay: &[u8; 16],
    ) -> Result<u64, Refused> {
        let subject = format!("{}.{}", subjects.here, hex::encode(subscriber.as_bytes()));
        let relay = Bytes::copy_from_slice(relay);
        self.publish(&subject, relay, None).await
    }

    /// Who has announced last that `subscriber` listens there.
    pub(super) async fn announced(
        &self,
        subjects: &Subjects,
        subscriber: &PublicKey,
    ) -> Result<Option<u64>, Silent> {
        let subject = format!("{}.{}", subjects.here, hex::encode(subscriber.as_bytes()));
        let newest = self.here.newest(&subject).await?;
        Ok(newest.map(|message| message.sequence))
    }

    /// Done when a majority has stored something just now.
    pub(super) async fn pulse(&self) -> Result<(), Silent> {
        let subject = format!("{}.pulse", self.prefix);
        let stored = self.publish(&subject, Bytes::new(), None).await;
        stored.map(drop).map_err(|_| Silent)
    }

    /// Tells whoever listens, if anybody does.
    pub(super) async fn tell(&self, subject: String, from: &[u8; 16], payload: Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(RELAY, hex::encode(from));
        let client = &self.servers.client;
        let told = client.publish_with_headers(subject, headers, payload);
        if let Err(error) = told.await {
            tracing::debug!(%error, "nobody was told");
        }
    }
}

/// Header of what relays tell each other: from which one.
pub(super) const RELAY: &str = "Sotto-Relay";

/// What a stream of ours says of itself.
pub(super) fn describe(shards: usize, identity: &str) -> String {
    format!("sotto relay store {VERSION}, {shards} shards, relay {identity}")
}

/// The names of all streams of a store.
pub(super) fn names(prefix: &str, shards: usize) -> Vec<String> {
    let others = ["due", "here", "blobs", "parts"].map(str::to_owned);
    let shards = (0..shards).map(|n| n.to_string());
    let names = shards.chain(others);
    names.map(|name| format!("{prefix}-{name}")).collect()
}

/// The number of shards of a store that is there.
pub(super) async fn made_with(context: &Context, prefix: &str) -> Result<Option<usize>, OpenError> {
    let Some(stream) = existing(context, &format!("{prefix}-due")).await? else {
        return Ok(None);
    };
    let said = stream.cached_info().config.description.as_deref();
    let shards = said.and_then(|said| said.split_once(", ")?.1.split_once(' ')?.0.parse().ok());
    Ok(shards.filter(|shards| (1..=64).contains(shards)))
}

/// A stream that is there.
pub(super) async fn existing(
    context: &Context,
    name: &str,
) -> Result<Option<jetstream::stream::Stream>, OpenError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(OpenError::Streams(error.to_string())),
        },
    }
}

/// The stream as it is, or made; another relay's is left alone.
async fn stream(servers: &Servers, config: Config, shape: &str) -> Result<Stream, OpenError> {
    let context = &servers.context;
    let name = config.name.clone();
    let found = match existing(context, &name).await? {
        Some(found) => found,
        // Two relays that start together ask for the same, and get it.
        None => context
            .create_stream(config)
            .await
            .map_err(|error| OpenError::Streams(error.to_string()))?,
    };
    let Info { config, .. } = found.cached_info();
    let there = config.description.as_deref().unwrap_or_default();
    if there == shape {
        Ok(Stream::new(servers.clone(), found))
    } else {
        Err(OpenError::Other {
            name,
            there: there.to_owned(),
            wanted: shape.to_owned(),
        })
    }
}
