//! Who is ended, when. The seed chooses; the machine decides what it hits.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::{Chance, Victim};

/// One death for so many lines.
const LINES_A_DEATH: usize = 50;
/// At least so many, however short the play.
const FEWEST: usize = 4;
/// A death comes at most so long after its line was begun: the whole way of a message.
const LATEST: Duration = Duration::from_millis(40);

/// How often each was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deaths {
    /// Alice's client.
    pub alice: usize,
    /// Bob's client.
    pub bob: usize,
    /// The relay.
    pub relay: usize,
}

impl Deaths {
    /// All together.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.alice + self.bob + self.relay
    }
}

/// Whom a death hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hit {
    Alice,
    Bob,
    Relay,
}

/// The deaths still to come, and the thread that brings them.
pub(super) struct Fate {
    chance: Chance,
    /// After which lines, the next one last.
    after: Vec<usize>,
    line: usize,
    pub(super) so_far: Deaths,
    reaper: Sender<(Duration, Victim)>,
}

impl Fate {
    /// `lines`: how long the play is. Without a seed nobody is ended.
    pub(super) fn new(seed: Option<u64>, lines: usize) -> Self {
        let mut chance = Chance::new(seed.unwrap_or_default());
        let count = seed.map_or(0, |_| (lines / LINES_A_DEATH).max(FEWEST));
        let mut after: Vec<usize> = (0..count)
            .map(|_| usize::try_from(chance.below(lines as u64)).unwrap_or_default())
            .collect();
        after.sort_unstable_by(|a, b| b.cmp(a));
        let (reaper, orders) = channel::<(Duration, Victim)>();
        std::thread::spawn(move || {
            for (pause, victim) in orders {
                std::thread::sleep(pause);
                victim.kill();
            }
        });
        Self {
            chance,
            after,
            line: 0,
            so_far: Deaths::default(),
            reaper,
        }
    }

    /// So many lines are about to be said: who is to die with them?
    pub(super) fn hits(&mut self, lines: usize) -> Vec<Hit> {
        self.line += lines;
        let mut hits = Vec::new();
        while self.after.pop_if(|after| *after < self.line).is_some() {
            let (hit, count) = match self.chance.below(3) {
                0 => (Hit::Alice, &mut self.so_far.alice),
                1 => (Hit::Bob, &mut self.so_far.bob),
                _ => (Hit::Relay, &mut self.so_far.relay),
            };
            *count += 1;
            hits.push(hit);
        }
        hits
    }

    /// Ends `victim`, a little later.
    pub(super) fn send_for(&mut self, victim: Victim) {
        let latest = u64::try_from(LATEST.as_micros()).unwrap_or_default();
        let pause = Duration::from_micros(self.chance.below(latest));
        // The thread lives as long as we do.
        let _ = self.reaper.send((pause, victim));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: Option<u64>) -> Vec<Vec<Hit>> {
        let mut fate = Fate::new(seed, 1000);
        (0..1000).map(|_| fate.hits(1)).collect()
    }

    #[test]
    fn a_seed_brings_the_same_deaths_and_none_without() {
        assert_eq!(all(Some(3)), all(Some(3)));
        assert_ne!(all(Some(3)), all(Some(4)));
        assert_eq!(all(Some(3)).concat().len(), 20);
        assert!(all(None).concat().is_empty());
    }
}
