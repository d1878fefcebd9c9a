//! What can be set.
//!
//! [`settings::SETTINGS`] is the one list of everything that an operator can set; flags, the
//! environment, the file and the table in `docs/operating.md` all follow from it.

mod file;
pub mod load;
pub mod place;
pub mod settings;

use std::path::PathBuf;
use std::time::Duration;

use crate::blobs::BlobOptions;
use crate::store::sqlite::SqliteOptions;

/// How a relay is run.
#[derive(Clone)]
pub struct Config {
    /// Folder of identity key, certificate and store; made if missing, for this user alone.
    pub data: PathBuf,
    /// Host name in the relay's address; without it the IP address that it listens on.
    pub host: Option<String>,
    /// Port in the relay's address, where another than the one that it listens on is forwarded to it.
    pub port: Option<u16>,
    /// WebSocket without TLS; only on a loopback address.
    pub plain: bool,
    /// Where the certificate comes from; of no meaning without TLS.
    pub certificate: CertificateSource,
    /// Values of the `Origin` header that are let in. Browsers always send one, other clients none.
    pub allow_origins: Vec<String>,
    /// Access token that every client has to name.
    pub token: Option<String>,
    /// Say in the log which network address connected, and when it left. Off unless an operator
    /// looks for somebody who misbehaves.
    pub log_peers: bool,
    /// Bounds on connections.
    pub limits: ConnectionLimits,
    /// Bounds on what is kept.
    pub store: SqliteOptions,
    /// Bounds on blobs; their clock is the store's.
    pub blobs: BlobOptions,
}

impl Config {
    /// Defaults, with everything kept in `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            host: None,
            port: None,
            plain: false,
            certificate: CertificateSource::SelfMade,
            allow_origins: Vec::new(),
            token: None,
            log_peers: false,
            limits: ConnectionLimits::default(),
            store: SqliteOptions::default(),
            blobs: BlobOptions::default(),
        }
    }
}

/// Where a relay's certificate comes from. Clients trust the identity key in the address, which
/// signs the certificate's key, so any of these is as safe; browsers want one of the last two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made by the relay itself and kept in its data folder.
    #[default]
    SelfMade,
    /// An operator's own, in PEM.
    Files {
        /// The certificate, followed by those of the authorities in between, if any.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Fetched from an authority that speaks ACME (RFC 8555), by the challenge TLS-ALPN-01
    /// (RFC 8737), and renewed by itself.
    Acme(AcmeOptions),
}

/// Which authority, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeOptions {
    /// The authority's directory, an `https://` address.
    pub directory: String,
    /// Mail address for warnings of the authority.
    pub contact: Option<String>,
    /// Root certificates in PEM that the authority's own certificate has to come from, instead of
    /// those that browsers trust.
    pub roots: Option<PathBuf>,
}

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at once; more are refused at once.
    pub connections: usize,
    /// Of these, those whose TLS, HTTP or hello is not complete.
    pub half_open: usize,
    /// What may be asked for on one connection.
    pub rates: Rates,
    /// What may come from one address.
    pub addresses: AddressLimits,
    /// Requests of one connection that wait for the store; more are not read before.
    pub waiting_requests: usize,
    /// Rights remembered for one connection.
    pub proofs: usize,
    /// Channels that one connection listens to.
    pub subscriptions: usize,
    /// Entries delivered but not acknowledged, for one subscriber.
    pub in_flight: u16,
    /// Blobs that are being put in or fetched at once; more are told to come back.
    pub transfers: usize,
    /// Time for TLS, HTTP and the hello, each.
    pub handshake: Duration,
    /// A connection on which nothing came for so long is asked for a sign of life, and cut after
    /// as long again.
    pub idle: Duration,
    /// Time that one frame may take to be sent, or a piece of a blob to come or go.
    pub send: Duration,
    /// Time for connections to end when the relay stops.
    pub stop: Duration,
}

/// What may be asked for in a time. As much as one such time allows is saved up.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Requests a second; see [`sotto_wire::Limits`]. A proof counts as four, making a channel,
    /// keeping and deleting a blob as eight.
    pub requests_per_second: u32,
    /// Bytes of frames a second; the largest frame always fits.
    pub bytes_per_second: u64,
    /// Channels to be made in an hour.
    pub channels_per_hour: u32,
    /// Bytes of blobs to be reserved in an hour.
    pub blob_bytes_per_hour: u64,
}

/// Bounds on what comes from one IPv4 address, or one IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct AddressLimits {
    /// Off behind a proxy on another machine, from whose address everybody comes.
    pub counted: bool,
    /// Counts this machine too. Off, because a proxy here stands for everybody.
    pub loopback: bool,
    /// Connections at once. A company, or a mobile network, may have one address for all.
    pub connections: usize,
    /// Of these, those whose TLS, HTTP or hello is not complete.
    pub half_open: usize,
    /// Blobs that are being put in or fetched at once.
    pub transfers: usize,
    /// What may be asked for on all connections together.
    pub rates: Rates,
    /// Bytes of blobs to be fetched in an hour.
    pub fetch_bytes_per_hour: u64,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            counted: true,
            loopback: false,
            connections: 1_000,
            half_open: 100,
            transfers: 32,
            rates: Rates {
                requests_per_second: 40_000,
                bytes_per_second: 128 << 20,
                channels_per_hour: 5_000,
                blob_bytes_per_hour: 4 << 30,
            },
            fetch_bytes_per_hour: 32 << 30,
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 15_000,
            half_open: 2_000,
            rates: Rates {
                requests_per_second: 20_000,
                bytes_per_second: 64 << 20,
                channels_per_hour: 2_000,
                blob_bytes_per_hour: 2 << 30,
            },
            addresses: AddressLimits::default(),
            waiting_requests: 256,
            proofs: 16_384,
            subscriptions: 8_192,
            in_flight: sotto_wire::limits::MAX_IN_FLIGHT,
            transfers: 256,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            send: Duration::from_secs(60),
            stop: Duration::from_secs(10),
        }
    }
}
