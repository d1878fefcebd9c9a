//! The frames. One WebSocket message holds exactly one.

mod client;
mod relay;

pub use client::{ClientFrame, ClientHello, Command, Lane};
pub use relay::{
    Appended, BlobLimits, BlobState, Delivered, Entry, Gap, Limits, PackageOffer, Refusal,
    RefusalCode, RelayFrame, RelayHello, Reply, SlotStatus, Subscribed,
};
