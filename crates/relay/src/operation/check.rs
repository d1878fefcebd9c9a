//! `sotto-relay check`: is all well, and what to do where it is not.

mod items;
mod servers;
mod shown;

use std::io::Write as _;

use crate::config::load::Sources;

use super::{Ended, local};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    /// Works, and wants to be looked at.
    Warn,
    /// Does not work.
    Fail,
}

/// One line.
struct Finding {
    state: State,
    what: String,
    /// What to do about it.
    todo: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self {
            state: State::Ok,
            what: what.into(),
            todo: None,
        }
    }
    fn warn(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            state: State::Warn,
            what: what.into(),
            todo: Some(todo.into()),
        }
    }
    fn fail(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(what, todo)
        }
    }
}

/// Looks at everything, and says it. Ends with 1 if something does not work, with 0 otherwise.
pub(super) fn print(sources: &Sources) -> Result<(), Ended> {
    let mut out = std::io::stdout().lock();
    let mut worst = State::Ok;
    let mut say = |finding: Finding| {
        worst = worst.max(finding.state);
        let word = match finding.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        // Whoever has stopped reading does not want the rest.
        let _ = writeln!(out, "{word}  {}", finding.what);
        if let Some(todo) = finding.todo {
            let _ = writeln!(out, "      → {todo}");
        }
    };
    let loaded = match sources.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            for problem in error.0 {
                say(Finding::fail(
                    format!("settings: {problem}"),
                    "the rest is looked at when the settings are right",
                ));
            }
            return Err(Ended {
                why: String::new(),
                code: super::WRONG_SETTINGS,
            });
        }
    };
    let file = loaded.file.map_or_else(
        || "settings: no file".to_owned(),
        |file| format!("settings: {}", file.display()),
    );
    say(Finding::ok(file));
    for notice in loaded.notices {
        say(Finding::warn(
            format!("settings: {}: {}", notice.place, notice.what),
            "correct the name, or take it away",
        ));
    }
    items::all(&loaded.settings, &mut say);
    match worst {
        State::Fail => Err(Ended {
            why: String::new(),
            code: 1,
        }),
        State::Ok | State::Warn => Ok(()),
    }
}

/// Asks the running relay alone, as a container's or a balancer's health check does.
pub(super) fn health(sources: &Sources) -> Result<(), Ended> {
    let settings = sources.load()?.settings;
    match local::get(&settings, "/ready") {
        Ok((200, _)) => Ok(()),
        Ok((status, said)) => Err(format!("not ready ({status}): {}", said.trim()).into()),
        Err(why) => Err(format!("the relay does not answer: {why}").into()),
    }
}
