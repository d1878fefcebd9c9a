//! What happened, told so that a person can follow it: everything in order, then person by person.

use std::fmt::Write as _;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    step: u64,
    now: u64,
    /// None: the world or the relay.
    who: Option<usize>,
    text: String,
}

/// The story of a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    lines: Vec<Line>,
}

/// A moment of the simulated calendar.
fn moment(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!(
        "day {} {:02}:{:02}:{:02}.{:03}",
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        milliseconds % 1000
    )
}

impl Story {
    pub(crate) fn tell(&mut self, step: u64, now: u64, who: Option<usize>, text: String) {
        self.lines.push(Line {
            step,
            now,
            who,
            text,
        });
    }

    /// The whole, with the names of the people.
    pub(crate) fn text(&self, names: &[String], begin: u64) -> String {
        let mut out = String::new();
        let name = |who: Option<usize>| {
            who.and_then(|who| names.get(who))
                .map_or("the world", String::as_str)
        };
        let _ = writeln!(out, "# What happened\n");
        for line in &self.lines {
            let _ = writeln!(
                out,
                "{:>5}  {}  {}: {}",
                line.step,
                moment(line.now - begin),
                name(line.who),
                line.text
            );
        }
        for who in (0..names.len()).map(Some) {
            let _ = writeln!(out, "\n# {}\n", name(who));
            for line in self.lines.iter().filter(|line| line.who == who) {
                let _ = writeln!(
                    out,
                    "{:>5}  {}  {}",
                    line.step,
                    moment(line.now - begin),
                    line.text
                );
            }
        }
        out
    }
}
