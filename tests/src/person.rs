//! A person with a profile of their own, open in a process of their own.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::rpc::PATIENCE;
use crate::{Failure, Heard, Rpc, text};

/// Everybody's passphrase.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// How a profile's key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Under [`PASSPHRASE`]: the profile can be opened again.
    Passphrase,
    /// In the process alone: quicker, but the profile ends with the process.
    Memory,
}

/// A person.
#[derive(Debug)]
pub struct Person {
    name: String,
    sotto: PathBuf,
    data: PathBuf,
    log: PathBuf,
    conversation: String,
    rpc: Rpc,
}

impl Person {
    /// A process without a profile yet. `name` is the profile's.
    ///
    /// # Errors
    /// The program can't be started.
    pub fn arrive(name: &str, sotto: &Path, data: &Path, log: &Path) -> Result<Self, Failure> {
        Ok(Self {
            name: name.to_owned(),
            sotto: sotto.to_owned(),
            data: data.to_owned(),
            log: log.to_owned(),
            conversation: String::new(),
            rpc: Rpc::start(name, sotto, data, log)?,
        })
    }

    /// Makes the profile. `shown` is the name that contacts see.
    ///
    /// # Errors
    /// What the contract says.
    pub fn create(&mut self, shown: &str, relay: &str, key: Key) -> Result<(), Failure> {
        let protection = match key {
            Key::Passphrase => json!({ "by": "passphrase", "passphrase": PASSPHRASE }),
            Key::Memory => json!({ "by": "memory" }),
        };
        let new = json!({
            "name": shown, "relay": relay, "device_name": "story", "protection": protection,
        });
        self.call("create_profile", new).map(drop)
    }

    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The profile's folder.
    #[must_use]
    pub fn profile_folder(&self) -> PathBuf {
        self.data.join("profiles").join(&self.name)
    }

    /// Where what the process says on standard error goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The conversation that [`Self::say`] and others mean.
    #[must_use]
    pub fn conversation(&self) -> &str {
        &self.conversation
    }

    /// From now on this conversation is meant.
    pub fn turn_to(&mut self, conversation: &str) {
        conversation.clone_into(&mut self.conversation);
    }

    /// The process.
    pub fn rpc(&mut self) -> &mut Rpc {
        &mut self.rpc
    }

    /// Begins a call of the contract for this person's profile.
    ///
    /// # Errors
    /// [`Failure::Ended`].
    pub fn begin(&mut self, method: &str, mut params: Value) -> Result<u64, Failure> {
        if let Some(params) = params.as_object_mut() {
            params.insert("profile".to_owned(), self.name.as_str().into());
        }
        self.rpc.begin(method, &params)
    }

    /// Calls the contract for this person's profile.
    ///
    /// # Errors
    /// What the contract says, or that the process has ended.
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let call = self.begin(method, params)?;
        self.rpc.finish(call)
    }

    /// Says something; answers the message's id, which is durable then.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn say(&mut self, words: &str) -> Result<String, Failure> {
        let params = json!({ "conversation": self.conversation, "text": words });
        let done = self.call("send_text", params)?;
        Ok(text(&done, "/message").to_owned())
    }

    /// Waits for the next text from the other side.
    ///
    /// # Errors
    /// As [`Rpc::event`].
    pub fn hear(&mut self) -> Result<Heard, Failure> {
        let event = self.rpc.event("message_added", |event| {
            text(event, "/message/author") == "them" && text(event, "/message/body/kind") == "text"
        })?;
        Ok(Heard::of(event.get("message").unwrap_or(&Value::Null)))
    }

    /// Waits until a query's answer is as wanted, asking again whenever something happened.
    ///
    /// # Errors
    /// What the contract says; [`Failure::Late`] with the last answer.
    pub fn until(
        &mut self,
        query: &str,
        params: Value,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.call(query, params.clone())?;
            if wanted(&answer) {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(Failure::Late {
                    who: self.name.clone(),
                    what: format!("another answer to {query} than {answer}"),
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Waits until a message of one's own has come so far.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub fn until_delivery(&mut self, message: &str, delivery: &str) -> Result<(), Failure> {
        self.until("message", json!({ "message": message }), |answer| {
            text(answer, "/delivery") == delivery
        })
        .map(drop)
    }

    /// Waits until the connection to the first relay stands like this; answers its status.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub fn until_relay(&mut self, fits: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let relays = self.until("relays", json!({}), |answer| {
            answer.get(0).is_some_and(&fits)
        })?;
        Ok(relays.get(0).cloned().unwrap_or_default())
    }

    /// Opens the profile, which was made with [`Key::Passphrase`].
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn open(&mut self) -> Result<(), Failure> {
        self.call("open_profile", json!({ "passphrase": PASSPHRASE }))
            .map(drop)
    }

    /// A new process on the same folder, without the profile open. One that still runs is ended
    /// without warning.
    ///
    /// # Errors
    /// The program can't be started.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.rpc.kill();
        self.rpc = Rpc::start(&self.name, &self.sotto, &self.data, &self.log)?;
        Ok(())
    }

    /// Ends the process as a person would, and waits.
    pub fn quit(&mut self) -> bool {
        self.rpc.quit()
    }
}
