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
pub(crate) use folder::ProfileFolder;
pub use folder::FolderError;
pub use name::{NameError, ProfileName};
pub(crate) use published::Publisher;
pub use runtime::Profile;
pub(crate) use runtime::Surroundings;
