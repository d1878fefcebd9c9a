//! Everything that can be set, once.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::{AcmeOptions, Config};
use crate::store::nats::NatsOptions;

/// Let's Encrypt's directory, which `acme = "letsencrypt"` names.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Pages of the store's file, in bytes.
const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;

/// What all settings together say.
#[derive(Clone)]
pub struct Settings {
    /// For the relay itself.
    pub config: Config,
    /// Address and port to listen on.
    pub listen: String,
    /// Address and port on which `/metrics` is answered to whoever can reach it.
    pub metrics_listen: Option<String>,
    /// How a log line looks.
    pub log: LogFormat,
    /// Which log lines there are.
    pub log_level: LevelFilter,
    /// What was set, by name: where, and to what (never the token itself).
    pub said: BTreeMap<&'static str, Said>,
    /// NATS servers on which channels are kept, instead of the data folder.
    pub store: Option<NatsOptions>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) acme: Option<String>,
    pub(super) acme_contact: Option<String>,
    pub(super) acme_roots: Option<PathBuf>,
}

impl Settings {
    /// The defaults, with everything kept in `data`.
    pub fn new(data: PathBuf) -> Self {
        Self {
            config: Config::new(data),
            listen: "127.0.0.1:7443".to_owned(),
            metrics_listen: None,
            log: LogFormat::Text,
            log_level: LevelFilter::INFO,
            said: BTreeMap::new(),
            certificate: None,
            key: None,
            acme: None,
            acme_contact: None,
            acme_roots: None,
            store: None,
        }
    }

    /// What of the ACME settings goes together.
    pub(super) fn acme_options(&self) -> Option<AcmeOptions> {
        self.acme.clone().map(|directory| AcmeOptions {
            directory,
            contact: self.acme_contact.clone(),
            roots: self.acme_roots.clone(),
        })
    }
}

/// That something was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The file with line and column, the environment's variable, or the flag.
    pub place: String,
    /// The value as text; of the token, something that changes when it does.
    pub value: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A line of JSON for each event.
    Json,
}

/// One thing that can be set: `--name` as a flag, `SOTTO_RELAY_NAME` in the environment, `name`
/// in the file.
pub struct Setting {
    /// Its name, with hyphens.
    pub name: &'static str,
    /// What a value is.
    pub kind: Kind,
    /// The value where nobody sets one, in words where it is none that could be written.
    pub default: &'static str,
    /// An example in the file's spelling.
    pub example: &'static str,
    /// Takes effect on SIGHUP; everything else needs a restart.
    pub live: bool,
    /// One sentence.
    pub what: &'static str,
    set: fn(&mut Settings, Value<'_>) -> Result<(), String>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text that the setting itself understands.
    Text,
    /// A file or folder; in the settings file, relative to its folder.
    Path,
    /// Yes or no; as a flag it needs no value.
    Switch,
    /// A whole number from the first to the second.
    Number(u64, u64),
    /// Several texts; the flag is given several times, the environment separates them by commas.
    List,
}

/// A value of the right kind.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Switch(bool),
    Number(u64),
    List(&'a [String]),
}

impl Value<'_> {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            _ => String::new(),
        }
    }
    fn path(self) -> PathBuf {
        self.text().into()
    }
    fn switch(self) -> bool {
        matches!(self, Self::Switch(true))
    }
    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            _ => 0,
        }
    }
    fn size(self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }
    fn small(self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }
    fn seconds(self) -> Duration {
        Duration::from_secs(self.number())
    }
    fn list(self) -> Vec<String> {
        match self {
            Self::List(list) => list.to_vec(),
            _ => Vec::new(),
        }
    }
}

macro_rules! setting {
    ($name:literal, $kind:expr, $default:literal, $example:literal, $live:literal, $what:literal, $set:expr) => {
        Setting {
            name: $name,
            kind: $kind,
            default: $default,
            example: $example,
            live: $live,
            what: $what,
            set: $set,
        }
    };
}

/// All of them, in the order in which they are documented.
#[rustfmt::skip]
pub static SETTINGS: &[Setting] = &[
    setting!("data", Kind::Path, "see \"One relay\"", "/srv/sotto-relay", false,
        "Folder of identity key, certificate and store; made if missing, for this user alone.",
        |s, v| { s.config.data = v.path(); Ok(()) }),
    setting!("listen", Kind::Text, "127.0.0.1:7443", "0.0.0.0:7443", false,
        "Address and port to listen on; 0.0.0.0 or [::] is every address of this machine, port 0 a free one.",
        |s, v| { s.listen = address(v)?; Ok(()) }),
    setting!("host", Kind::Text, "the address it listens on", "relay.example.org", false,
        "Name or IP address under which people's devices find this relay; stands in the relay's address. With a port (relay.example.org:443) where that port is forwarded to the one that it listens on.",
        |s, v| { (s.config.host, s.config.port) = host(v); Ok(()) }),
    setting!("plain", Kind::Switch, "false", "true", false,
        "Without TLS; on a loopback address only.",
        |s, v| { s.config.plain = v.switch(); Ok(()) }),
    setting!("certificate", Kind::Path, "self-made", "fullchain.pem", true,
        "Your own certificate (PEM, with those in between); needs \"key\".",
        |s, v| { s.certificate = Some(v.path()); Ok(()) }),
    setting!("key", Kind::Path, "none", "privkey.pem", true,
        "Its private key (PEM).",
        |s, v| { s.key = Some(v.path()); Ok(()) }),
    setting!("acme", Kind::Text, "off", "letsencrypt", false,
        "Fetches and renews a certificate by itself: \"letsencrypt\", or the https:// address of another authority's directory. The authority has to reach this relay as \"host\", port 443.",
        |s, v| { s.acme = Some(directory(v)?); Ok(()) }),
    setting!("acme-contact", Kind::Text, "none", "you@example.org", false,
        "Mail address that the authority may write to.",
        |s, v| { s.acme_contact = Some(mail(v)?); Ok(()) }),
    setting!("acme-roots", Kind::Path, "those that browsers trust", "authority.pem", false,
        "Root certificates (PEM) that the authority's own certificate has to come from.",
        |s, v| { s.acme_roots = Some(v.path()); Ok(()) }),
    setting!("allow-origin", Kind::List, "none", "https://chat.example.org", true,
        "Lets browsers in whose pages come from this origin.",
        |s, v| { s.config.allow_origins = origins(v)?; Ok(()) }),
    setting!("token", Kind::Text, "none", "a long random text", true,
        "Access token that every device has to name: a private relay. Other users of this machine can see flags; write it into the file.",
        |s, v| { s.config.token = token(v)?; Ok(()) }),
    setting!("store", Kind::Text, "the data folder", "nats://a:4222,b:4222,c:4222", false,
        "Keeps channels and blobs on NATS servers, for several relays of one address; see docs/operating-nats.md.",
        |s, v| { s.store = store(v)?; Ok(()) }),
    setting!("log", Kind::Text, "text", "json", false,
        "How a log line on standard error looks: \"text\" or \"json\".",
        |s, v| { s.log = log_format(v)?; Ok(()) }),
    setting!("log-level", Kind::Text, "info", "debug", true,
        "Which log lines there are: \"error\", \"warn\", \"info\", \"debug\" or \"trace\".",
        |s, v| { s.log_level = log_level(v)?; Ok(()) }),
    setting!("log-peers", Kind::Switch, "false", "true", true,
        "Writes the network address of everybody who connects into the log. Whoever reads the log then knows who was connected when; for the time in which you look for somebody who misbehaves.",
        |s, v| { s.config.log_peers = v.switch(); Ok(()) }),
    setting!("metrics-listen", Kind::Text, "none", "127.0.0.1:9443", false,
        "A second address and port, without TLS, that answers /metrics, /health and /ready to whoever can reach it. Without it /metrics answers this machine alone.",
        |s, v| { s.metrics_listen = Some(address(v)?); Ok(()) }),
    setting!("connections", Kind::Number(1, 1_000_000), "15000", "5000", true,
        "Connections at once; more are refused at once.",
        |s, v| { s.config.limits.connections = v.size(); Ok(()) }),
    setting!("requests-per-second", Kind::Number(10, 1_000_000), "20000", "2000", true,
        "Requests a second on one connection.",
        |s, v| { s.config.limits.rates.requests_per_second = v.small(); Ok(()) }),
    setting!("bytes-per-second", Kind::Number(400_000, 10_000_000_000), "67108864", "8000000", true,
        "Bytes a second on one connection.",
        |s, v| { s.config.limits.rates.bytes_per_second = v.number(); Ok(()) }),
    setting!("channels-per-hour", Kind::Number(1, 1_000_000), "2000", "500", true,
        "Channels that may be made on one connection in an hour.",
        |s, v| { s.config.limits.rates.channels_per_hour = v.small(); Ok(()) }),
    setting!("half-open", Kind::Number(1, 1_000_000), "2000", "500", true,
        "Connections at once that have not said who they are; more are refused at once.",
        |s, v| { s.config.limits.half_open = v.size(); Ok(()) }),
    setting!("behind-proxy", Kind::Switch, "false", "true", true,
        "Everybody comes through a proxy on another machine, from one address: nothing is counted by address. A proxy on this machine needs no setting.",
        |s, v| { s.config.limits.addresses.counted = !v.switch(); Ok(()) }),
    setting!("address-connections", Kind::Number(1, 1_000_000), "1000", "100", true,
        "Connections at once from one IPv4 address or one IPv6 network (/64).",
        |s, v| { s.config.limits.addresses.connections = v.size(); Ok(()) }),
    setting!("address-half-open", Kind::Number(1, 1_000_000), "100", "20", true,
        "Of these, those that have not said who they are.",
        |s, v| { s.config.limits.addresses.half_open = v.size(); Ok(()) }),
    setting!("address-requests-per-second", Kind::Number(10, 10_000_000), "40000", "4000", true,
        "Requests a second from one address.",
        |s, v| { s.config.limits.addresses.rates.requests_per_second = v.small(); Ok(()) }),
    setting!("address-bytes-per-second", Kind::Number(400_000, 10_000_000_000), "134217728", "16000000", true,
        "Bytes a second from one address.",
        |s, v| { s.config.limits.addresses.rates.bytes_per_second = v.number(); Ok(()) }),
    setting!("address-channels-per-hour", Kind::Number(1, 1_000_000), "5000", "1000", true,
        "Channels that may be made from one address in an hour.",
        |s, v| { s.config.limits.addresses.rates.channels_per_hour = v.small(); Ok(()) }),
    setting!("address-blob-mib-per-hour", Kind::Number(1, 16_000_000), "4096", "1024", true,
        "MiB of blobs that may be made from one address in an hour.",
        |s, v| { s.config.limits.addresses.rates.blob_bytes_per_hour = v.number() * MIB; Ok(()) }),
    setting!("address-fetch-mib-per-hour", Kind::Number(1, 16_000_000), "32768", "8192", true,
        "MiB of blobs that may be fetched from one address in an hour.",
        |s, v| { s.config.limits.addresses.fetch_bytes_per_hour = v.number() * MIB; Ok(()) }),
    setting!("address-transfers", Kind::Number(1, 100_000), "32", "8", true,
        "Blobs that may be put in or fetched from one address at once.",
        |s, v| { s.config.limits.addresses.transfers = v.size(); Ok(()) }),
    setting!("subscriptions", Kind::Number(1, 1_000_000), "8192", "1024", true,
        "Channels that one connection may listen to.",
        |s, v| { s.config.limits.subscriptions = v.size(); Ok(()) }),
    setting!("proofs", Kind::Number(1, 1_000_000), "16384", "4096", true,
        "Rights that one connection may prove.",
        |s, v| { s.config.limits.proofs = v.size(); Ok(()) }),
    setting!("handshake-seconds", Kind::Number(1, 600), "10", "10", true,
        "Time for TLS, for HTTP and for the hello, each.",
        |s, v| { s.config.limits.handshake = v.seconds(); Ok(()) }),
    setting!("idle-seconds", Kind::Number(5, 86_400), "60", "60", true,
        "A connection that is silent for so long is asked for a sign of life, and cut after as long again.",
        |s, v| { s.config.limits.idle = v.seconds(); Ok(()) }),
    setting!("send-seconds", Kind::Number(1, 3600), "60", "60", true,
        "Time that one frame may take to be sent.",
        |s, v| { s.config.limits.send = v.seconds(); Ok(()) }),
    setting!("stop-seconds", Kind::Number(1, 600), "10", "10", true,
        "Time for connections to end when the relay is told to stop.",
        |s, v| { s.config.limits.stop = v.seconds(); Ok(()) }),
    setting!("channel-mib", Kind::Number(1, 65_536), "256", "64", false,
        "MiB that wait in one channel before it is refused more.",
        |s, v| { s.config.store.channel_bytes = v.number() * MIB; Ok(()) }),
    setting!("channels", Kind::Number(1, 1_000_000_000), "5000000", "100000", false,
        "Channels in all.",
        |s, v| { s.config.store.channels = v.number(); Ok(()) }),
    setting!("blob-mib", Kind::Number(0, 1_000_000), "128", "32", false,
        "MiB that one blob (a large attachment) may have; 0: none are kept.",
        |s, v| { s.config.blobs.largest = v.number() * MIB; Ok(()) }),
    setting!("blobs-mib", Kind::Number(1, 16_000_000), "32768", "4096", false,
        "MiB that all blobs together may have.",
        |s, v| { s.config.blobs.bytes = v.number() * MIB; Ok(()) }),
    setting!("blobs", Kind::Number(1, 1_000_000_000), "1000000", "10000", false,
        "Blobs in all.",
        |s, v| { s.config.blobs.blobs = v.number(); Ok(()) }),
    setting!("blob-days", Kind::Number(1, 2700), "91", "31", false,
        "Days that a blob may stay after its owner last asked for it.",
        |s, v| { s.config.blobs.hours = u16::try_from(v.number() * 24).unwrap_or(u16::MAX); Ok(()) }),
    setting!("transfers", Kind::Number(1, 100_000), "256", "32", false,
        "Blobs that may be put in or fetched at once.",
        |s, v| { s.config.limits.transfers = v.size(); Ok(()) }),
    setting!("store-mib", Kind::Number(0, 16_000_000), "0", "20000", false,
        "MiB that the store may take on the disk; 0: as much as there is.",
        |s, v| { s.config.store.max_pages = u32::try_from(v.number() * MIB / PAGE).unwrap_or(u32::MAX); Ok(()) }),
];

/// The setting of this name.
pub fn named(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The setting that somebody may have meant.
pub fn close_to(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let all = SETTINGS.iter().map(|setting| setting.name);
    let mut near: Vec<(f64, &str)> = all
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.first()
        .filter(|(how, _)| *how > 0.8)
        .map(|(_, known)| *known)
}

impl Setting {
    /// Its value is not for every eye: a token, or an address that may hold a password.
    pub fn is_secret(&self) -> bool {
        ["token", "store"].contains(&self.name)
    }

    /// Sets it, and notes who said so.
    pub(super) fn apply(
        &'static self,
        value: Value<'_>,
        place: &str,
        settings: &mut Settings,
    ) -> Result<(), String> {
        (self.set)(settings, value)?;
        let value = match value {
            Value::Text(text) if self.is_secret() => {
                let hash = sotto_suite::hash::sha256(&[b"token", text.as_bytes()]);
                hex::encode(hash)
            }
            Value::Text(text) => text.to_owned(),
            Value::Switch(yes) => yes.to_string(),
            Value::Number(number) => number.to_string(),
            Value::List(list) => list.join(", "),
        };
        let place = place.to_owned();
        settings.said.insert(self.name, Said { place, value });
        Ok(())
    }

    /// `SOTTO_RELAY_NAME`.
    pub fn variable(&self) -> String {
        format!(
            "{PREFIX}{}",
            self.name.to_ascii_uppercase().replace('-', "_")
        )
    }
}

/// What the names of the environment's variables begin with.
pub const PREFIX: &str = "SOTTO_RELAY_";

fn address(value: Value<'_>) -> Result<String, String> {
    let text = value.text();
    let named = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains([':', '/', ' ']) && port.parse::<u16>().is_ok()
    });
    if named || text.parse::<SocketAddr>().is_ok() {
        return Ok(text);
    }
    let hint = match (text.parse::<u16>(), text.parse::<std::net::IpAddr>()) {
        (Ok(port), _) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string(),
        (_, Ok(ip)) => SocketAddr::from((ip, 7443)).to_string(),
        _ => "127.0.0.1:7443".to_owned(),
    };
    Err(format!(
        "{text:?} is no address with a port; write for example \"{hint}\""
    ))
}

/// Host, and port where one is named. What is no host at all is for the address to refuse.
fn host(value: Value<'_>) -> (Option<String>, Option<u16>) {
    let text = value.text();
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    let split = text.rsplit_once(':').and_then(|(host, port)| {
        let whole = host.starts_with('[') || !host.contains(':');
        Some((bare(host), port.parse().ok().filter(|_| whole)?))
    });
    match split {
        Some((host, port)) => (Some(host), Some(port)),
        None => (Some(bare(&text)), None),
    }
}

fn directory(value: Value<'_>) -> Result<String, String> {
    match value.text().as_str() {
        "letsencrypt" => Ok(LETS_ENCRYPT.to_owned()),
        address if address.starts_with("https://") => Ok(address.to_owned()),
        other => Err(format!(
            "{other:?} is no certificate authority; write \"letsencrypt\", or the https:// address of an authority's directory"
        )),
    }
}

fn mail(value: Value<'_>) -> Result<String, String> {
    let text = value.text();
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    match text.split_once('@') {
        Some((name, host)) if !name.is_empty() && host.contains('.') => Ok(text.to_owned()),
        _ => Err(format!(
            "{text:?} is no mail address; write for example \"you@example.org\""
        )),
    }
}

fn origins(value: Value<'_>) -> Result<Vec<String>, String> {
    let origins = value.list();
    for origin in &origins {
        let rest = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if !rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', ' ', '*'])) {
            return Err(format!(
                "{origin:?} is no origin; write scheme, host and port alone, such as \"https://chat.example.org\", without a path and without *"
            ));
        }
    }
    Ok(origins)
}

/// An empty address is none, as with the token.
fn store(value: Value<'_>) -> Result<Option<NatsOptions>, String> {
    let text = value.text();
    if text.is_empty() {
        return Ok(None);
    }
    NatsOptions::parse(&text)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// An empty token is none: it is what an unset variable in a compose file turns into.
fn token(value: Value<'_>) -> Result<Option<String>, String> {
    let text = value.text();
    let most = sotto_wire::limits::MAX_TOKEN;
    match text.len() {
        0 => Ok(None),
        // The value itself is a secret: it is not repeated.
        1..8 => {
            Err("shorter than 8 characters, which can be guessed; write a long random text".into())
        }
        len if len > most => Err(format!("longer than {most} bytes; write a shorter text")),
        _ => Ok(Some(text)),
    }
}

fn log_format(value: Value<'_>) -> Result<LogFormat, String> {
    match value.text().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!(
            "{other:?} is no form of a log; write \"text\" or \"json\""
        )),
    }
}

fn log_level(value: Value<'_>) -> Result<LevelFilter, String> {
    Ok(match value.text().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        other => {
            return Err(format!(
                "{other:?} is no level; write \"error\", \"warn\", \"info\", \"debug\" or \"trace\""
            ));
        }
    })
}
