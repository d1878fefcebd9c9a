//! Everything that a host may ask and everything that it is told, in one place.
//!
//! A [`Call`] names its profile and carries one [`Request`]: a command of the engine, a query, or
//! something about profiles themselves. It is answered by an [`Answer`] or by a [`Problem`]. What
//! happens without being asked arrives as [`Published`]. JSON is the one form in which all of it
//! crosses; [`METHODS`] lists the calls by name, and `bindings/contract.ts` says the same in
//! TypeScript (a test keeps it so).

mod answer;
mod call;
mod event;
mod method;
mod problem;
mod start;
#[cfg(test)]
mod typescript;

pub use answer::{Answer, ProfileView, VersionView};
pub use call::{Call, Manage, Query, Request};
pub use event::{HostEvent, ProfileEvent, Published, RelayState, RelayStatus};
pub use method::{Kind, METHODS, Method, method};
pub use problem::CallError;
pub use sotto_engine::{
    AccountId, AccountView, Author, Body, Command, ConversationDetails, ConversationId,
    ConversationState, ConversationView, Delivery, Done, Event, InviteGlance, InviteId,
    InviteState, InviteView, MemberView, MessageId, MessageView, Notice, Page, Problem, RequestId,
    RequestView, SentAs, Shield, ShieldReason, Timestamp,
};
pub use start::Start;

/// Counts incompatible changes of the contract. A host that was built for another one must not
/// go on.
pub const VERSION: u32 = 1;

/// Most messages in one page.
pub const LONGEST_PAGE: u32 = 200;
