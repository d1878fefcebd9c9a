//! A look at the servers from outside, beside the relays that run on them or without any: whom one
//! reaches there, what they keep, and how it is with it. Nothing is written.

use std::time::Duration;

use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::stream::Info;
use async_nats::{Client, ConnectErrorKind, ServerAddr};
use serde_json::Value;

use super::login::credentials;
use super::streams::{describe, existing, made_with, names};
use super::{NatsOptions, OpenError};
use crate::jetstream::Servers;

/// How long one server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a server can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody answers there.
    #[error("can't be reached ({0})")]
    Unreachable(String),
    /// It asks for another name, password or token.
    #[error("does not let the relay in: name, password or token are wrong")]
    NotLetIn,
    /// Its certificate can't be trusted, or it has none.
    #[error("no TLS with it ({0})")]
    Tls(String),
}

/// What was found.
pub(crate) struct Look {
    /// Each server, as it was named.
    pub(crate) servers: Vec<(String, Result<(), Trouble>)>,
    /// What they keep, if any lets us in.
    pub(crate) found: Option<Result<Found, OpenError>>,
}

/// What the servers keep.
pub(crate) struct Found {
    /// Bytes in use by this account.
    pub(crate) used: u64,
    /// Bytes that it may use; none: no limit.
    pub(crate) most: Option<u64>,
    /// Bytes of the largest message.
    pub(crate) max_payload: usize,
    /// The streams of this store, by name; none where one is not there.
    pub(crate) streams: Vec<(String, Option<Info>)>,
}

impl NatsOptions {
    /// The names of the streams on which everything is kept, if the store was made with as many shards
    /// as this says.
    pub(crate) fn streams(&self) -> Vec<String> {
        names(&self.prefix, self.shards)
    }
}

impl Found {
    /// What a stream of this store says of itself, if `identity` is its relay's.
    pub(crate) fn shape(&self, identity: &str) -> String {
        describe(self.shards().count(), identity)
    }

    /// The streams of channels.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &Option<Info>> {
        let number = |name: &str| {
            let last = name.rsplit('-').next();
            last.is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let shards = self.streams.iter().filter(move |(name, _)| number(name));
        shards.map(|(_, info)| info)
    }

    /// One that is there once.
    pub(crate) fn stream(&self, end: &str) -> Option<&Info> {
        let mut named = self.streams.iter().filter(|(name, _)| name.ends_with(end));
        named.next().and_then(|(_, info)| info.as_ref())
    }
}

/// Looks.
///
/// # Errors
/// [`OpenError`] where a file that is named can't be used.
pub(crate) async fn look(options: &NatsOptions) -> Result<Look, OpenError> {
    let (mut servers, mut client) = (Vec::new(), None);
    for server in &options.servers {
        let name = server.rsplit('/').next().unwrap_or_default();
        let reached = reach(options, server).await?;
        servers.push((
            name.to_owned(),
            reached.as_ref().map(|_| ()).map_err(Clone::clone),
        ));
        client = client.or(reached.ok());
    }
    let found = match client {
        Some(client) => Some(find(options, client).await),
        None => None,
    };
    Ok(Look { servers, found })
}

async fn reach(options: &NatsOptions, server: &str) -> Result<Result<Client, Trouble>, OpenError> {
    let address = server.parse::<ServerAddr>();
    let address = address.map_err(|_| OpenError::Address("one of the servers is none"))?;
    let connect = credentials(options)?
        .name("sotto-relay check")
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .ignore_discovered_servers()
        .max_reconnects(Some(1));
    let connected = connect.connect(address).await;
    Ok(connected.map_err(|error| match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            Trouble::NotLetIn
        }
        ConnectErrorKind::Tls => Trouble::Tls(error.to_string()),
        _ => Trouble::Unreachable(error.to_string()),
    }))
}

async fn find(options: &NatsOptions, client: Client) -> Result<Found, OpenError> {
    let servers = Servers::new(client);
    let context = &servers.context;
    // Read by hand: the client library wants fields that servers have since 2.10.
    let account: Result<Value, _> = context.request("INFO", &()).await;
    let account = account.map_err(|error| {
        OpenError::Streams(match error.kind() {
            RequestErrorKind::NoResponders => "JetStream is not switched on".to_owned(),
            RequestErrorKind::TimedOut => "no answer; is a majority of them there?".to_owned(),
            _ => error.to_string(),
        })
    })?;
    if let Some(error) = account.pointer("/error/description") {
        return Err(OpenError::Streams(error.to_string()));
    }
    let number = |name: &str| account.pointer(name).and_then(Value::as_u64);
    let shards = made_with(context, &options.prefix).await?;
    let mut streams = Vec::new();
    for name in names(&options.prefix, shards.unwrap_or(options.shards)) {
        let stream = existing(context, &name).await?;
        streams.push((name, stream.map(|stream| stream.cached_info().clone())));
    }
    Ok(Found {
        used: number("/storage").unwrap_or(0),
        // One below zero is none.
        most: number("/limits/max_storage"),
        max_payload: servers.client.max_payload(),
        streams,
    })
}
