//! Stories that need several parts.
