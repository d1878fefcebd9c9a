//! What happened, told so that a person can follow it: everything in order, then person by person.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::plan::PEOPLE;

/// One line.
#[derive(Clone, Debug)]
struct Line {
    at: Duration,
    /// None: the relay, or everybody.
    who: Option<usize>,
    text: String,
}

/// A story that everybody adds to.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    begin: Instant,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Story {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            lines: Arc::default(),
        }
    }

    pub(crate) fn tell(&self, who: Option<usize>, text: impl Into<String>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that lines stand in the order of their times.
        lines.push(Line {
            at: self.begin.elapsed(),
            who,
            text: text.into(),
        });
    }

    /// The whole.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = "# What happened\n\n".to_owned();
        for line in lines.iter() {
            let who = line.who.and_then(|who| PEOPLE.get(who));
            let who = who.unwrap_or(&"the relay");
            let _ = writeln!(out, "{}  {who}: {}", seconds(line.at), line.text);
        }
        for (who, name) in PEOPLE.iter().enumerate() {
            let _ = writeln!(out, "\n# {name}\n");
            for line in lines.iter().filter(|line| line.who == Some(who)) {
                let _ = writeln!(out, "{}  {}", seconds(line.at), line.text);
            }
        }
        out
    }
}

fn seconds(at: Duration) -> String {
    format!("{:>9.3}", at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::Story;

    #[test]
    fn a_story_is_told_whole_and_by_person() {
        let story = Story::new();
        story.tell(Some(1), "says bob → alice 1");
        story.tell(None, "is killed");
        let text = story.text();
        assert!(text.contains("bob: says bob → alice 1"), "{text}");
        assert!(text.contains("the relay: is killed"), "{text}");
        let bobs = text.split("# bob").nth(1).unwrap_or_default();
        assert!(bobs.contains("says bob → alice 1") && !bobs.contains("killed"));
    }
}
