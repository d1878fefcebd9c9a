//! Messages: what is written, what arrives, what is shown.

pub(crate) mod content;
pub(crate) mod draft;
pub(crate) mod history;
pub(crate) mod incoming;
pub(crate) mod outbox;
pub(crate) mod receipts;
pub(crate) mod typing;
