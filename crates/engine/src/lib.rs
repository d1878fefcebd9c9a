//! Sotto's engine.
