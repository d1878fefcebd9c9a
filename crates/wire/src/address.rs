//! Where a relay is, and who it must prove to be.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::{Decode, Encode};
use sotto_suite::{hash::sha256, sign::PublicKey};

use crate::limits::MAX_HOST;

/// SHA-256 of a relay's identity key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RelayIdentity(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl RelayIdentity {
    /// The identity that stands for `key`.
    pub fn of(key: &PublicKey) -> Self {
        Self(sha256(&[&key.0]))
    }
}

/// A relay's address: host, port and the hash of its long-lived identity key.
///
/// As text `sotto-relay://host:port#identity`, the identity in base64url without padding;
/// `sotto-relay+plain://` for a relay without TLS. Text, and a decoded value, hold the rules of
/// [`RelayAddress::new`]; whoever fills in the fields by hand keeps them too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(map)]
pub struct RelayAddress {
    /// Host name in lower case or IP address without brackets, at most
    /// [`crate::limits::MAX_HOST`] bytes.
    #[n(0)]
    pub host: String,
    /// TCP port.
    #[n(1)]
    pub port: u16,
    /// Whom the relay must prove to be.
    #[n(2)]
    pub identity: RelayIdentity,
    /// WebSocket without TLS; allowed on loopback only.
    #[n(3)]
    pub plain: bool,
}

/// Why a text is not a relay address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not of the form `sotto-relay://host:port#identity`.
    #[error("not a relay address")]
    Malformed,
    /// Neither a host name nor an IP address.
    #[error("the relay's host is neither a name nor an IP address")]
    Host,
    /// Not a number from 1 to 65535 without leading zeros.
    #[error("the relay's port is not a number from 1 to 65535")]
    Port,
    /// Not 32 bytes in base64url.
    #[error("the relay's identity is damaged")]
    Identity,
    /// Without TLS, but for another machine than this one.
    #[error("a relay without TLS is allowed on this machine alone")]
    PlainRemote,
}

const SCHEME: &str = "sotto-relay://";
const PLAIN_SCHEME: &str = "sotto-relay+plain://";

impl RelayAddress {
    /// An address that keeps the rules: the host is a name of letters, digits and hyphens (labels
    /// of 1 to 63, an internationalised name in its ASCII form) or an IP address, at most
    /// [`MAX_HOST`] bytes; the port is not 0; `plain` only with a [loopback](is_loopback) host.
    ///
    /// # Errors
    /// [`AddressError::Host`], [`AddressError::Port`] or [`AddressError::PlainRemote`].
    pub fn new(
        host: &str,
        port: u16,
        identity: RelayIdentity,
        plain: bool,
    ) -> Result<Self, AddressError> {
        let host = canonical_host(host)?;
        if port == 0 {
            return Err(AddressError::Port);
        }
        if plain && !is_loopback(&host) {
            return Err(AddressError::PlainRemote);
        }
        Ok(Self {
            host,
            port,
            identity,
            plain,
        })
    }

    /// `host:port`, an IPv6 address in brackets: what a resolver and a person want to read.
    pub fn host_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Host and port of a [`Self::host_port`] text.
    pub(crate) fn split_host_port(text: &str) -> Result<(&str, u16), AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Port)?;
        let host = match host.strip_prefix('[') {
            // Brackets and colons belong together.
            Some(inner) => inner
                .strip_suffix(']')
                .filter(|inner| inner.contains(':'))
                .ok_or(AddressError::Host)?,
            None if host.contains(':') => return Err(AddressError::Host),
            None => host,
        };
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || port.starts_with('0') {
            return Err(AddressError::Port);
        }
        Ok((host, port.parse().map_err(|_| AddressError::Port)?))
    }
}

/// Does the host always mean this machine? `localhost`, 127.0.0.0/8 and ::1 do.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The one spelling of a host: names in lower case, IP addresses as the standard library writes them.
fn canonical_host(host: &str) -> Result<String, AddressError> {
    if host.is_empty() || host.len() > MAX_HOST {
        return Err(AddressError::Host);
    }
    if host.contains(':') {
        let ip: Ipv6Addr = host.parse().map_err(|_| AddressError::Host)?;
        return Ok(ip.to_string());
    }
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    // A last label of digits is what makes a resolver take the text for an IPv4 address
    // (WHATWG URL, "ends in a number"), so it has to be one.
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        let ip: Ipv4Addr = host.parse().map_err(|_| AddressError::Host)?;
        return Ok(ip.to_string());
    }
    if host.split('.').all(is_label) {
        Ok(host)
    } else {
        Err(AddressError::Host)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.plain { PLAIN_SCHEME } else { SCHEME })?;
        write!(f, "{}#{}", self.host_port(), self.identity)
    }
}

/// As it stands in an address.
impl fmt::Display for RelayIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    /// Reads the text form; white space around it is passed over.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        // Longest text: scheme, bracketed host, port and identity.
        if text.len() > PLAIN_SCHEME.len() + MAX_HOST + 2 + 6 + 1 + 43 {
            return Err(AddressError::Malformed);
        }
        let (plain, rest) = match (text.strip_prefix(PLAIN_SCHEME), text.strip_prefix(SCHEME)) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(AddressError::Malformed),
        };
        let (place, identity) = rest.split_once('#').ok_or(AddressError::Malformed)?;
        let (host, port) = Self::split_host_port(place)?;
        let identity = URL_SAFE_NO_PAD
            .decode(identity)
            .map_err(|_| AddressError::Identity)?;
        let identity = identity.try_into().map_err(|_| AddressError::Identity)?;
        Self::new(host, port, RelayIdentity(identity), plain)
    }
}

/// A decoded address keeps the rules too, and is in its one spelling.
impl<'b, C> Decode<'b, C> for RelayAddress {
    fn decode(
        decoder: &mut minicbor::Decoder<'b>,
        context: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        #[derive(Decode)]
        #[cbor(map)]
        struct Unchecked<'a> {
            #[n(0)]
            host: &'a str,
            #[n(1)]
            port: u16,
            #[n(2)]
            identity: RelayIdentity,
            #[n(3)]
            plain: bool,
        }
        let Unchecked {
            host,
            port,
            identity,
            plain,
        } = decoder.decode_with(context)?;
        let address = Self::new(host, port, identity, plain)
            .map_err(|_| minicbor::decode::Error::message("not a relay address"))?;
        if address.host != host {
            return Err(minicbor::decode::Error::message(
                "host not in its one spelling",
            ));
        }
        Ok(address)
    }
}

impl fmt::Debug for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayAddress({}, {:?})", self.host_port(), self.identity)
    }
}

impl fmt::Debug for RelayIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "RelayIdentity({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}
