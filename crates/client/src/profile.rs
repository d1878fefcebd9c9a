//! A profile: a folder on disk, and while it is open a thread that owns its engine.

mod asked;
mod error;
mod folder;
mod name;
mod owner;
mod published;
mod relays;
mod runtime;

pub use error::ProfileError;
pub use folder::FolderError;
pub(crate) use folder::ProfileFolder;
pub use name::{NameError, ProfileName};
pub(crate) use published::Publisher;
pub(crate) use runtime::Surroundings;
pub use runtime::{Profile, Submitted};
