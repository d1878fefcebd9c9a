//! Sotto's relay.
