//! NATS servers with JetStream, as everything that is kept on them uses them: messages that are
//! stored on a condition, read by number or by subject, and deleted for good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{
    DeleteMessageErrorKind, DirectGetErrorKind, Info, LastRawMessageErrorKind, RawMessageErrorKind,
};
use async_nats::jetstream::{self, Context, ErrorCode};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use minicbor::{Decode, Encode};
use sotto_wire::encode;

/// How long one request may take. An election takes two to four seconds, and is asked again after.
const REQUEST: Duration = Duration::from_secs(2);
/// How long only leaders are asked, after a server did not answer.
const LEADER_ALONE: Duration = Duration::from_secs(30);
/// First byte of every message; a newer one is not understood and not touched.
const FORMAT: u8 = 1;

/// Why nothing has come of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
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
pub(crate) struct Silent;

/// A message that is none of ours, or of a newer relay.
#[derive(Debug, thiserror::Error)]
#[error("a message in the store is damaged or of a newer version of the relay")]
pub(crate) struct Foreign;

impl From<Foreign> for Silent {
    fn from(foreign: Foreign) -> Self {
        tracing::error!("{foreign}");
        Self
    }
}

/// As a message.
pub(crate) fn seal<T: Encode<()>>(value: &T) -> Bytes {
    let mut bytes = vec![FORMAT];
    bytes.extend(encode(value));
    bytes.into()
}

/// From a message.
pub(crate) fn open<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, Foreign> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => minicbor::decode(rest).map_err(|_| Foreign),
        _ => Err(Foreign),
    }
}

/// A connection to the servers.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) client: Client,
    pub(crate) context: Context,
    any_server: Arc<AnyServer>,
}

impl Servers {
    pub(crate) fn new(client: Client) -> Self {
        let context = jetstream::ContextBuilder::new()
            .timeout(REQUEST)
            .ack_timeout(REQUEST * 2)
            .max_ack_inflight(65_536)
            .build(client.clone());
        Self {
            client,
            context,
            any_server: Arc::default(),
        }
    }

    /// Stores a message and answers its number: only if `last` is the number of the newest message
    /// on its subject, where that is given and as far as the servers can say.
    pub(crate) async fn publish(
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
}

/// One stream of messages on the servers.
#[derive(Clone)]
pub(crate) struct Stream {
    servers: Servers,
    stream: jetstream::stream::Stream,
}

impl Stream {
    pub(crate) fn new(servers: Servers, stream: jetstream::stream::Stream) -> Self {
        Self { servers, stream }
    }

    /// The newest message of a subject, as the stream's leader knows it.
    pub(crate) async fn newest(&self, subject: &str) -> Result<Option<StreamMessage>, Silent> {
        match self.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {
                Ok(None)
            }
            Err(error) => Err(silent(&error)),
        }
    }

    /// The first message of a subject from number `from` on, as the stream's leader knows it.
    pub(crate) async fn next(
        &self,
        subject: &str,
        from: u64,
    ) -> Result<Option<StreamMessage>, Silent> {
        let get = self.stream.raw_message_builder();
        match get.sequence(from).next_by_subject(subject).send().await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(silent(&error)),
        }
    }

    /// Is message `number`, which is on this subject, the first after `before`? The servers compare
    /// before they hand a message to their replicas, and not again when it is stored, so that two
    /// that come at the same moment are both stored: the second is void. Only for the first of all
    /// they look again.
    pub(crate) async fn stands(&self, subject: &str, before: u64, number: u64) -> bool {
        if before == 0 {
            return true;
        }
        let first = self.next(subject, before + 1).await;
        first.is_ok_and(|first| first.is_some_and(|first| first.sequence == number))
    }

    /// Message `number`, from whichever server answers; from the leader if that one has not got it.
    pub(crate) async fn message(&self, number: u64) -> Result<Option<StreamMessage>, Silent> {
        if self.servers.any_server.may() {
            match self.stream.direct_get(number).await {
                Ok(message) => return Ok(Some(message)),
                Err(error) if matches!(error.kind(), DirectGetErrorKind::NotFound) => {}
                Err(error) => {
                    tracing::debug!(%error, "the leader alone is asked for a while");
                    self.servers.any_server.not_now();
                }
            }
        }
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(silent(&error)),
        }
    }

    /// Deletes a message and overwrites its bytes; one that is not there any more is no error.
    pub(crate) async fn erase(&self, number: u64) -> Result<(), Silent> {
        match self.stream.delete_message(number).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(why) if is_gone(&why) => Ok(()),
                _ => Err(silent(&error)),
            },
        }
    }

    /// Takes all messages of a subject out, or those before number `before`. Their bytes stay in the
    /// servers' files until these are next written anew; see [`Self::erase`].
    pub(crate) async fn purge(&self, subject: &str, before: Option<u64>) -> Result<(), Silent> {
        let purge = self.stream.purge().filter(subject);
        let purged = match before {
            Some(before) => purge.sequence(before).await,
            None => purge.await,
        };
        purged.map(drop).map_err(|error| silent(&error))
    }

    /// The subjects that have messages, with how many they have.
    pub(crate) async fn subjects(&self, filter: String) -> Result<Vec<(String, usize)>, Silent> {
        let info = self.stream.info_with_subjects(filter).await;
        let subjects = info.map_err(|error| silent(&error))?;
        subjects.try_collect().await.map_err(|error| silent(&error))
    }

    /// What the servers say of the stream now.
    pub(crate) async fn info(&self) -> Result<Info, Silent> {
        let info = self.stream.get_info().await;
        info.map_err(|error| silent(&error))
    }

    /// The stream itself, for whoever follows it.
    pub(crate) fn raw(&self) -> &jetstream::stream::Stream {
        &self.stream
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

pub(crate) fn silent(error: &impl std::fmt::Display) -> Silent {
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
