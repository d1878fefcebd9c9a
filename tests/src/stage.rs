//! A throwaway folder with a relay and people in it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{Failure, Key, Person, Programs, RelayProcess, text};

/// Where a story plays. Everything in it ends and is removed with it.
#[derive(Debug)]
pub struct Stage {
    programs: Programs,
    // Last, so that processes end before their folders go.
    folder: tempfile::TempDir,
}

impl Stage {
    /// An empty stage with the programs beside this one.
    ///
    /// # Errors
    /// The programs are not built, or there is no room.
    pub fn new() -> Result<Self, Failure> {
        Self::with(Programs::beside()?)
    }

    /// An empty stage.
    ///
    /// # Errors
    /// There is no room for a folder.
    pub fn with(programs: Programs) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("sotto-story-")
            .tempdir()
            .map_err(Failure::file(&std::env::temp_dir()))?;
        Ok(Self { programs, folder })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The programs.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Leaves the folder where it is, for whoever wants to look.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// A relay in the folder `name`.
    ///
    /// # Errors
    /// It does not start.
    pub fn relay(&self, name: &str) -> Result<RelayProcess, Failure> {
        self.relay_with(name, &[])
    }

    /// The same with further arguments.
    ///
    /// # Errors
    /// It does not start.
    pub fn relay_with(&self, name: &str, options: &[&str]) -> Result<RelayProcess, Failure> {
        let log = self.folder().join(format!("{name}.log"));
        let data = self.folder().join(name);
        RelayProcess::start(&self.programs.relay, &data, &log, options)
    }

    /// A process on the folder `name`, without a profile.
    ///
    /// # Errors
    /// It does not start.
    pub fn arrive(&self, name: &str) -> Result<Person, Failure> {
        let log = self.folder().join(format!("{name}.log"));
        Person::arrive(name, &self.programs.sotto, &self.folder().join(name), &log)
    }

    /// A person whom contacts see under their name with a capital.
    ///
    /// # Errors
    /// It does not start, or what the contract says.
    pub fn person(&self, name: &str, relay: &str, key: Key) -> Result<Person, Failure> {
        let mut person = self.arrive(name)?;
        let mut shown = name.to_owned();
        if let Some(first) = shown.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        person.create(&shown, relay, key)?;
        Ok(person)
    }
}

/// Lets one meet the other: invite, opening, acceptance. Both are turned to the conversation, and
/// it is active on both sides.
///
/// # Errors
/// What the contract says, or that it does not come about in time.
pub fn introduce(inviter: &mut Person, guest: &mut Person) -> Result<(), Failure> {
    let invite = json!({ "single_use": true, "lifetime_seconds": 3600 });
    let invite = inviter.call("create_invite", invite)?;
    let opened = guest.call("open_invite", json!({ "link": text(&invite, "/link") }))?;
    guest.turn_to(text(&opened, "/conversation"));
    let request = inviter.rpc().event("request_arrived", |_| true)?;
    let request = json!({ "request": text(&request, "/request/request") });
    let accepted = inviter.call("accept_request", request)?;
    inviter.turn_to(text(&accepted, "/conversation"));
    for person in [inviter, guest] {
        let which = json!({ "conversation": person.conversation() });
        person.until("conversation", which, |c| text(c, "/state") == "active")?;
    }
    Ok(())
}
