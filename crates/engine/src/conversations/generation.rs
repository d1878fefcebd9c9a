//! A generation: one channel of a conversation with the keys that belong to it, all derived from
//! one secret that only members have.

use sotto_suite::kdf::derive;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::ChannelId;

/// MLS exporter label of the next generation's secret; the context is the old channel's address.
pub(crate) const EXPORT_LABEL: &[u8] = b"sotto generation v1";

/// A conversation's channel from one fence to the next.
#[derive(Clone)]
pub(crate) struct Generation {
    number: u32,
    secret: Secret<32>,
    channel: ChannelId,
    writer: SigningKey,
    admin: SigningKey,
    envelope: Secret<32>,
}

impl Generation {
    /// Derives everything from the generation secret.
    pub(crate) fn new(number: u32, secret: Secret<32>) -> Self {
        let address = derive(&secret, "generation channel", &[]);
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *address.expose();
        Self {
            number,
            channel: ChannelId([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]),
            writer: SigningKey::from_seed(&derive(&secret, "generation writer", &[])),
            admin: SigningKey::from_seed(&derive(&secret, "generation admin", &[])),
            envelope: derive(&secret, "generation envelope", &[]),
            secret,
        }
    }

    /// Counted from 0.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    pub(crate) fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Every member appends with this key: the relay can't tell who.
    pub(crate) fn writer(&self) -> &SigningKey {
        &self.writer
    }

    pub(crate) fn admin(&self) -> &SigningKey {
        &self.admin
    }

    /// From which the key of each envelope derives.
    pub(super) fn envelope_secret(&self) -> &Secret<32> {
        &self.envelope
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Generation({}, redacted)", self.number)
    }
}
