//! What a person has in a conversation, read page by page.

use serde_json::{Value, json};

use crate::{Failure, Person, text};

/// Most messages that one page holds.
const PAGE: u32 = 200;

/// A message as a person has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its id, the same on both sides.
    pub id: String,
    /// `me`, `them` or `app`.
    pub author: String,
    /// What it says; for the app's own lines, which line.
    pub text: String,
    /// How far it has come.
    pub delivery: String,
}

/// A whole conversation, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(pub Vec<Heard>);

impl History {
    /// Reads all of it.
    ///
    /// # Errors
    /// What the contract says.
    pub fn read(person: &mut Person) -> Result<Self, Failure> {
        let mut pages = Vec::new();
        let mut before = Value::Null;
        loop {
            let mut params = json!({ "conversation": person.conversation(), "limit": PAGE });
            if let (Some(params), false) = (params.as_object_mut(), before.is_null()) {
                params.insert("before".to_owned(), before.clone());
            }
            let page = person.call("messages", params)?;
            let messages = page.get("messages").and_then(Value::as_array);
            let messages = messages.ok_or_else(|| Failure::unexpected(person.name(), &page))?;
            before = messages
                .first()
                .and_then(|message| message.get("order"))
                .cloned()
                .unwrap_or_default();
            pages.push(messages.iter().map(Heard::of).collect::<Vec<_>>());
            if page.get("more") != Some(&Value::Bool(true)) || before.is_null() {
                break;
            }
        }
        Ok(Self(pages.into_iter().rev().flatten().collect()))
    }

    /// Those by `author`: `me`, `them` or `app`.
    pub fn by<'a>(&'a self, author: &'a str) -> impl Iterator<Item = &'a Heard> {
        self.0.iter().filter(move |heard| heard.author == author)
    }

    /// What people said, in order.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        let said = self.0.iter().filter(|heard| heard.author != "app");
        said.map(|heard| heard.text.as_str()).collect()
    }

    /// The app's own lines that say that something is wrong.
    #[must_use]
    pub fn troubles(&self) -> Vec<&str> {
        let lines = self.by("app").map(|heard| heard.text.as_str());
        lines.filter(|line| *line != "accepted").collect()
    }
}

impl Heard {
    /// A message as the contract shows it.
    #[must_use]
    pub fn of(message: &Value) -> Self {
        let says = match text(message, "/body/kind") {
            "text" => text(message, "/body/text"),
            "notice" => text(message, "/body/notice"),
            other => other,
        };
        Self {
            id: text(message, "/message").to_owned(),
            author: text(message, "/author").to_owned(),
            text: says.to_owned(),
            delivery: text(message, "/delivery").to_owned(),
        }
    }
}
