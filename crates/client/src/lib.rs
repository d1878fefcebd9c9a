//! Sotto's client.
