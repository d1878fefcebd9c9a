//! Sotto's cli.
