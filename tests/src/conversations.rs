//! Files of real conversations, one JSON a line.

use std::path::Path;

use serde::Deserialize;

use crate::Failure;

/// Who says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The one who invites.
    Alice,
    /// The one who was invited.
    Bob,
}

impl Who {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Alice, Self::Bob];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }

    /// The name, as a profile is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
        }
    }
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// Who says it.
    pub from: Who,
    /// What.
    pub text: String,
}

#[derive(Deserialize)]
struct Conversation {
    messages: Vec<Line>,
}

/// The conversations of a file.
///
/// # Errors
/// The file can't be read, or a line of it is no conversation.
pub fn load(path: &Path) -> Result<Vec<Vec<Line>>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map(|conversation: Conversation| conversation.messages)
                .map_err(|error| {
                    let (path, number) = (path.display(), number + 1);
                    Failure::Broken(format!("{path}, line {number}: no conversation ({error})"))
                })
        })
        .collect()
}
