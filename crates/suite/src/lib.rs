//! Sotto's suite.
