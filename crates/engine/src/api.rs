//! What goes into the engine and what comes out of it.

mod command;
mod event;
mod id;
mod io;
mod problem;
mod view;

pub use command::{Command, Done};
pub use event::Event;
pub use id::{AccountId, ConversationId, InviteId, MessageId, RequestId, Timestamp};
pub use io::{Input, Outgoing, Outputs, RelayChange, SetAside};
pub use problem::Problem;
pub use view::{
    AccountView, Author, Body, ConversationDetails, ConversationState, ConversationView, Delivery,
    InviteGlance, InviteState, InviteView, MemberView, MessageView, Notice, Page, RequestView,
    SentAs, Shield, ShieldReason,
};
