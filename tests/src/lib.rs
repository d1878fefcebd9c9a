//! Sotto as its users meet it: real processes, real folders, a real relay, driven from outside
//! through the contract that every host speaks (`sotto rpc`).
//!
//! The stories in `tests/` and the program `sotto-replay` stand on this small driver. Everything
//! that it starts listens on a free loopback port, lives in a throwaway folder and ends with it.

mod background;
mod chance;
mod conversations;
mod failure;
mod history;
pub mod kept;
mod person;
mod profile_database;
mod programs;
mod relay_process;
pub mod replay;
mod rpc;
mod search;
mod stage;

pub use background::Victim;
pub use chance::Chance;
pub use conversations::{Line, Who, load};
pub use failure::{Failure, Problem};
pub use history::{Heard, History};
pub use kept::Kept;
pub use person::{Key, PASSPHRASE, Person};
pub use profile_database::open_database;
pub use programs::Programs;
pub use relay_process::RelayProcess;
pub use rpc::{Rpc, text};
pub use search::{Found, Needles};
pub use stage::{Stage, introduce};
