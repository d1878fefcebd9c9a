//! Sotto's wire.
