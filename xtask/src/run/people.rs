//! Alice and Bob: a profile each, introduced by an invite.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::Failure;

use super::folder::Throwaway;
use super::rpc::{Rpc, text};
use super::{Programs, Through};

/// A person with a profile of their own, open in a process of their own.
#[derive(Debug)]
pub(super) struct Person {
    name: &'static str,
    data: PathBuf,
    conversation: String,
    rpc: Rpc,
}

/// What a terminal needs to go on as this person.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) name: &'static str,
    pub(super) profile: String,
    pub(super) data: PathBuf,
}

impl Person {
    pub(super) fn create(
        name: &'static str,
        through: Through,
        programs: &Programs,
        folder: &Throwaway,
        relay: &str,
    ) -> Result<Self, Failure> {
        let data = folder.path().join(name.to_lowercase());
        let profile = name.to_lowercase();
        let shown = ["--profile", &profile, "--relay", relay, "--rpc"];
        let mut command = Command::new(match through {
            Through::Window => &programs.app,
            Through::Browser | Through::Terminal | Through::Talk => &programs.sotto,
        });
        match through {
            Through::Window => command.args(shown).args(["--title", name]),
            Through::Browser => command.arg("web").args(shown),
            Through::Terminal | Through::Talk => command.arg("rpc"),
        };
        command.arg("--data").arg(&data);
        let rpc = Rpc::start(&mut command)?;
        let mut person = Self {
            name,
            data,
            conversation: String::new(),
            rpc,
        };
        // The terminals open the profile again in processes of their own. A screen is in the
        // process that makes it, so the key need not be anywhere but in memory, and nothing is
        // left behind in this person's keychain.
        let protection = match through {
            Through::Terminal => json!({ "by": "passphrase", "passphrase": folder.passphrase() }),
            Through::Window | Through::Browser | Through::Talk => json!({ "by": "memory" }),
        };
        let new = json!({
            "name": name, "relay": relay, "device_name": "demonstration", "protection": protection,
        });
        person.call("create_profile", new)?;
        Ok(person)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn profile(&self) -> String {
        self.name.to_lowercase()
    }

    /// Calls the contract for this person's profile.
    fn call(&mut self, method: &str, mut params: Value) -> Result<Value, Failure> {
        if let Some(params) = params.as_object_mut() {
            params.insert("profile".to_owned(), self.profile().into());
        }
        self.rpc.call(method, params)
    }

    /// Says something; answers the message's id.
    pub(super) fn say(&mut self, words: &str) -> Result<String, Failure> {
        let done = self.call(
            "send_text",
            json!({ "conversation": self.conversation, "text": words }),
        )?;
        Ok(text(&done, "/message").to_owned())
    }

    /// Waits for the next text from the other side.
    pub(super) fn hear(&mut self) -> Result<String, Failure> {
        loop {
            let event = self.rpc.event("message_added")?;
            let message =
                |part: &str| text(&event, &format!("/params/event/message/{part}")).to_owned();
            if message("author") == "them" && message("body/kind") == "text" {
                return Ok(message("body/text"));
            }
        }
    }

    /// A message of their own as it crossed the network.
    pub(super) fn sent_as(&mut self, message: &str) -> Result<Value, Failure> {
        self.call("sent_as", json!({ "message": message }))
    }

    /// The next address under which a browser gets in, if the program says one within `patience`.
    pub(super) fn address(&mut self, patience: Duration) -> Option<String> {
        let said = self.rpc.notification("address", patience)?;
        Some(text(&said, "/params/url").to_owned())
    }

    /// Whether the program has ended: its window was closed.
    pub(super) fn has_left(&mut self) -> bool {
        self.rpc.has_ended()
    }

    /// Closes the profile and the process, so that another process can open it.
    pub(super) fn leave(mut self) -> Result<Away, Failure> {
        self.call("close_profile", json!({}))?;
        Ok(Away {
            name: self.name,
            profile: self.profile(),
            data: self.data,
        })
    }
}

/// One makes an invite, the other opens it, the first accepts.
pub(super) fn introduce(inviter: &mut Person, guest: &mut Person) -> Result<(), Failure> {
    let invite = inviter.call(
        "create_invite",
        json!({ "single_use": true, "lifetime_seconds": 3600 }),
    )?;
    let opened = guest.call("open_invite", json!({ "link": text(&invite, "/link") }))?;
    text(&opened, "/conversation").clone_into(&mut guest.conversation);
    let request = inviter.rpc.event("request_arrived")?;
    let request = text(&request, "/params/event/request/request").to_owned();
    let accepted = inviter.call("accept_request", json!({ "request": request }))?;
    text(&accepted, "/conversation").clone_into(&mut inviter.conversation);
    Ok(())
}
