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
//! | `P.w.CHANNEL.…` | none | wakes the relays that have listeners: `c` repeats the log, `h` who has subscribed, `e` is an ephemeral entry, `x` what has been deleted |

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    Config, DirectGetErrorKind, DiscardPolicy, Info, LastRawMessageErrorKind, RawMessageErrorKind,
    Republish, StorageType, Stream,
};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::ChannelId;

use super::{NatsOptions, OpenError};

/// How long one request may take. An election takes two to four seconds, and is asked again after.
const REQUEST: Duration = Duration::from_secs(2);
/// How long only leaders are asked, after a server did not answer.
const LEADER_ALONE: Duration = Duration::from_secs(30);
/// How long it is remembered who has subscribed last; longer than a missed notice stays missed.
const HERE: Duration = Duration::from_secs(120);
/// Version of subjects and messages, in the description of each stream.
const VERSION: u32 = 1;

/// Why nothing has come of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another message stands at the end of this subject than the one named.
    Conflict,
    /// Not sent, or refused by the servers: it has not been kept.
    NotKept,
    /// No answer: it may have been kept, or may still be.
    Unknown,
}

/// The servers did not answer, or said something that is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the NATS servers do not answer")]
pub(super) struct Silent;

/// The connection and the streams behind it.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) client: Client,
    context: Context,
    prefix: String,
    shards: Vec<Stream>,
    due: Stream,
    here: Stream,
    any_server: Arc<AnyServer>,
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
        let context = jetstream::ContextBuilder::new()
            .timeout(REQUEST)
            .ack_timeout(REQUEST * 2)
            .max_ack_inflight(65_536)
            .build(client.clone());
        let prefix = options.prefix.clone();
        let replicas = options.replicas;
        let shards = made_with(&context, &prefix)
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
        let due = stream(&context, due, &shape).await?;
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
        let here = stream(&context, here, &shape).await?;
        let mut opened = Vec::new();
        for n in 0..shards {
            let name = n.to_string();
            let of = |kind: char| format!("{prefix}.{n}.{kind}.*");
            let shard = Config {
                republish: republish(of('c'), format!("{prefix}.w.{{{{wildcard(1)}}}}.c")),
                ..config(name, vec![of('c'), of('p')])
            };
            opened.push(stream(&context, shard, &shape).await?);
        }
        Ok(Self {
            client,
            context,
            prefix,
            shards: opened,
            due,
            here,
            any_server: Arc::default(),
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

    /// Stores a message and answers its number: only if `last` is the number of the newest message
    /// on its subject, where that is given and as far as the servers can say.
    pub(super) async fn publish(
        &self,
        subject: &str,
        payload: Bytes,
        last: Option<u64>,
    ) -> Result<u64, Refused> {
        if self.client.connection_state() != async_nats::connection::State::Connected {
            return Err(Refused::NotKept);
        }
        let mut message = PublishMessage::build().payload(payload);
        if let Some(last) = last {
            message = message.expected_last_subject_sequence(last);
        }
        let sent = self.context.send_publish(subject.to_owned(), message);
        let sent = sent.await.map_err(|_| Refused::NotKept)?;
        match sent.await {
            Ok(stored) => Ok(stored.sequence),
            Err(error) => {
                tracing::debug!(%error, "a message was not stored");
                Err(refused(&error))
            }
        }
    }

    /// The newest message of a subject, as the stream's leader knows it.
    pub(super) async fn newest(
        &self,
        shard: usize,
        subject: &str,
    ) -> Result<Option<StreamMessage>, Silent> {
        newest(self.shard(shard)?, subject).await
    }

    /// The first message of a subject from number `from` on.
    pub(super) async fn next(
        &self,
        shard: usize,
        subject: &str,
        from: u64,
    ) -> Result<Option<StreamMessage>, Silent> {
        let get = self.shard(shard)?.raw_message_builder();
        match get.sequence(from).next_by_subject(subject).send().await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(silent(&error)),
        }
    }

    /// The number of a snapshot's message, maybe of an old one.
    pub(super) async fn hint(&self, subjects: &Subjects) -> Result<Option<u64>, Silent> {
        let hint = newest(&self.due, &subjects.hint).await?;
        Ok(hint.and_then(|hint| Some(u64::from_be_bytes(hint.payload.as_ref().try_into().ok()?))))
    }

    /// Says where a snapshot is; without success only the reading takes longer.
    pub(super) async fn set_hint(&self, subjects: &Subjects, number: u64) {
        let number = Bytes::copy_from_slice(&number.to_be_bytes());
        let _ = self.publish(&subjects.hint, number, None).await;
    }

    /// Takes the hint of a deleted channel away.
    pub(super) async fn drop_hint(&self, subjects: &Subjects) -> Result<(), Silent> {
        let purge = self.due.purge().filter(&subjects.hint);
        purge.await.map(drop).map_err(|error| silent(&error))
    }

    /// Message `number`, from whichever server answers; from the leader if that one has not got it.
    pub(super) async fn message(
        &self,
        shard: usize,
        number: u64,
    ) -> Result<Option<StreamMessage>, Silent> {
        let stream = self.shard(shard)?;
        if self.any_server.may() {
            match stream.direct_get(number).await {
                Ok(message) => return Ok(Some(message)),
                Err(error) if matches!(error.kind(), DirectGetErrorKind::NotFound) => {}
                Err(error) => {
                    tracing::debug!(%error, "the leader alone is asked for a while");
                    self.any_server.not_now();
                }
            }
        }
        match stream.get_raw_message(number).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(silent(&error)),
        }
    }

    /// Deletes a message and overwrites its bytes; one that is not there any more is no error.
    pub(super) async fn erase(&self, shard: usize, number: u64) -> Result<(), Silent> {
        use async_nats::jetstream::stream::DeleteMessageErrorKind;
        match self.shard(shard)?.delete_message(number).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(why) if is_gone(&why) => Ok(()),
                _ => Err(silent(&error)),
            },
        }
    }

    /// Takes all messages of a subject before number `before` out.
    pub(super) async fn purge(
        &self,
        shard: usize,
        subject: &str,
        before: u64,
    ) -> Result<(), Silent> {
        let purge = self.shard(shard)?.purge().filter(subject).sequence(before);
        purge.await.map(drop).map_err(|error| silent(&error))
    }

    /// Puts a channel down for a day.
    pub(super) async fn put_down(&self, subjects: &Subjects, day: u64) -> Result<(), Silent> {
        let subject = format!("{}.d.{day}.{}", self.prefix, subjects.id);
        let put = self.publish(&subject, Bytes::new(), None).await;
        put.map(drop).map_err(|_| Silent)
    }

    /// Channels put down for a day.
    pub(super) async fn put_down_for(&self, day: u64) -> Result<Vec<ChannelId>, Silent> {
        use futures_util::TryStreamExt as _;
        let filter = format!("{}.d.{day}.*", self.prefix);
        let info = self.due.info_with_subjects(filter).await;
        let subjects = info.map_err(|error| silent(&error))?;
        let subjects: Vec<(String, usize)> = subjects
            .try_collect()
            .await
            .map_err(|error| silent(&error))?;
        let ids = subjects.iter().filter_map(|(subject, _)| {
            let id = hex::decode(subject.rsplit('.').next()?).ok()?;
            ChannelId::try_from(&id[..]).ok()
        });
        Ok(ids.collect())
    }

    /// Strikes a day out.
    pub(super) async fn strike_out(&self, day: u64) -> Result<(), Silent> {
        let purge = self
            .due
            .purge()
            .filter(format!("{}.d.{day}.*", self.prefix));
        purge.await.map(drop).map_err(|error| silent(&error))
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
        Ok(newest(&self.here, &subject)
            .await?
            .map(|message| message.sequence))
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
        if let Err(error) = self
            .client
            .publish_with_headers(subject, headers, payload)
            .await
        {
            tracing::debug!(%error, "nobody was told");
        }
    }
}

/// Whether any server may be asked, or the leader alone: the servers go on passing questions to one
/// that hangs, until they notice.
#[derive(Debug, Default)]
struct AnyServer(Mutex<Option<Instant>>);

impl AnyServer {
    fn may(&self) -> bool {
        let again = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        again.is_none_or(|again| again <= Instant::now())
    }

    fn not_now(&self) {
        let again = Instant::now() + LEADER_ALONE;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(again);
    }
}

/// Has the message that was to be deleted gone already?
fn is_gone(error: &jetstream::Error) -> bool {
    match error.error_code() {
        ErrorCode::NO_MESSAGE_FOUND | ErrorCode::SEQUENCE_NOT_FOUND => true,
        // What a server says of a message that it has deleted itself has no code of its own.
        ErrorCode::STREAM_MESSAGE_DELETE_FAILED => error.to_string().contains("no message found"),
        _ => false,
    }
}

/// Header of what relays tell each other: from which one.
pub(super) const RELAY: &str = "Sotto-Relay";

async fn newest(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, Silent> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(silent(&error)),
    }
}

fn silent(error: &impl std::fmt::Display) -> Silent {
    tracing::debug!(%error, "the NATS servers did not do what was asked");
    Silent
}

/// What is known of a message that has been sent and not been acknowledged.
fn refused(error: &PublishError) -> Refused {
    let code = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(|error| error.error_code());
    match (error.kind(), code) {
        (PublishErrorKind::WrongLastSequence, _) => Refused::Conflict,
        // Nobody was there to take it.
        (PublishErrorKind::StreamNotFound, _) => Refused::NotKept,
        // Said before anything is handed to the replicas.
        (
            _,
            Some(
                ErrorCode::INSUFFICIENT_RESOURCES
                | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
                | ErrorCode::CLUSTER_NOT_AVAILABLE,
            ),
        ) => Refused::NotKept,
        _ => Refused::Unknown,
    }
}

/// What a stream of ours says of itself.
fn describe(shards: usize, identity: &str) -> String {
    format!("sotto relay store {VERSION}, {shards} shards, relay {identity}")
}

/// The number of shards of a store that is there.
async fn made_with(context: &Context, prefix: &str) -> Result<Option<usize>, OpenError> {
    let Some(stream) = existing(context, &format!("{prefix}-due")).await? else {
        return Ok(None);
    };
    let said = stream.cached_info().config.description.as_deref();
    let shards = said.and_then(|said| said.split_once(", ")?.1.split_once(' ')?.0.parse().ok());
    Ok(shards.filter(|shards| (1..=64).contains(shards)))
}

async fn existing(context: &Context, name: &str) -> Result<Option<Stream>, OpenError> {
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
async fn stream(context: &Context, config: Config, shape: &str) -> Result<Stream, OpenError> {
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
        Ok(found)
    } else {
        Err(OpenError::Other {
            name,
            there: there.to_owned(),
            wanted: shape.to_owned(),
        })
    }
}
