//! What a seed means: which faults come, when, and to whom. The machine decides what they hit.

use std::fmt;
use std::time::Duration;

use sotto_tests::Chance;

/// Who talks.
pub const PEOPLE: [&str; 4] = ["alice", "bob", "nora", "tom"];
/// Who talks with whom, by their places in [`PEOPLE`]; the first one invites.
pub const PAIRS: [(usize, usize); 3] = [(0, 1), (2, 3), (1, 2)];

/// From one fault to the next.
const GAP: (u64, u64) = (2_000, 6_000);

/// How long a program takes to start and to open its profile, or somewhat longer.
const RESTART: u64 = 2_000;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a person to the relay.
    ToRelay,
    /// From the relay to a person.
    FromRelay,
}

/// What can happen on somebody's road to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A connection ends: by a reset, or in good order.
    Cut {
        /// By a reset.
        abruptly: bool,
    },
    /// A connection stands, but what goes these ways never arrives.
    HalfOpen {
        /// Nothing reaches the relay.
        to_relay: bool,
        /// Nothing comes from it.
        from_relay: bool,
    },
    /// Bytes of a connection are changed on this way.
    Corrupt(Way),
    /// Everything is slow: so many bytes a second, on each connection and way.
    Slow(u32),
    /// The road is closed.
    Closed,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// On the road of this person. The number chooses among what is there.
    Road(usize, Trouble, u64),
    /// SIGKILL; whoever it hits starts again at once.
    KillPerson(usize),
    /// SIGSTOP, and SIGCONT later.
    PausePerson(usize),
    /// SIGKILL, and a start later.
    KillRelay,
    /// SIGSTOP, and SIGCONT later.
    PauseRelay,
}

/// Whether a fault begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// It begins; one that is over at once has no end.
    Begins,
    /// It ends.
    Ends,
}

/// One moment of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the people began to talk.
    pub at: Duration,
    /// Does it begin or end?
    pub edge: Edge,
    /// What.
    pub fault: Fault,
}

/// The kinds of fault, each as often as it comes before all have come again.
#[derive(Clone, Copy)]
enum Kind {
    End,
    Reset,
    Deaf,
    Mute,
    Lost,
    CorruptUp,
    CorruptDown,
    Slow,
    Closed,
    KillPerson,
    PausePerson,
    KillRelay,
    PauseRelay,
}

const KINDS: [Kind; 14] = [
    Kind::End,
    Kind::Reset,
    Kind::Deaf,
    Kind::Mute,
    Kind::Lost,
    Kind::CorruptUp,
    Kind::CorruptDown,
    Kind::Slow,
    Kind::Closed,
    Kind::KillPerson,
    Kind::KillPerson,
    Kind::PausePerson,
    Kind::KillRelay,
    Kind::PauseRelay,
];

/// The moments of a seed, in order: faults begin for as long as `length`, ends come when they come.
#[must_use]
pub fn moments(seed: u64, length: Duration) -> Vec<Moment> {
    let mut chance = Chance::new(seed);
    let mut moments = Vec::new();
    let mut deck = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(between(&mut chance, GAP.0, GAP.1));
        if at >= length {
            break;
        }
        // As with cards: every kind comes before one comes again, so that a short run has all.
        if deck.is_empty() {
            deck = shuffled(&mut chance);
        }
        let Some(kind) = deck.pop() else { break };
        let (fault, long) = fault(kind, &mut chance);
        let (begins, ends) = (Edge::Begins, Edge::Ends);
        moments.push(Moment {
            at,
            edge: begins,
            fault,
        });
        if matches!(fault, Fault::KillPerson(_)) && chance.below(2) == 0 {
            // Once more while the program is starting.
            let again = Duration::from_millis(between(&mut chance, 0, RESTART));
            moments.push(Moment {
                at: at + again,
                edge: begins,
                fault,
            });
        }
        moments.extend(long.map(|long| Moment {
            at: at + long,
            edge: ends,
            fault,
        }));
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// What it is and how long it lasts, unless it is over at once.
fn fault(kind: Kind, chance: &mut Chance) -> (Fault, Option<Duration>) {
    let who = usize::try_from(chance.below(PEOPLE.len() as u64)).unwrap_or_default();
    let number = chance.any();
    // Most are short; some outlast the patience of either side.
    let longest = if chance.below(8) == 0 { 40_000 } else { 12_000 };
    let long = Some(Duration::from_millis(between(chance, 500, longest)));
    let rate = u32::try_from(between(chance, 1_024, 8_192)).unwrap_or(u32::MAX);
    let half = |to_relay, from_relay| Trouble::HalfOpen {
        to_relay,
        from_relay,
    };
    let road = |trouble| Fault::Road(who, trouble, number);
    match kind {
        Kind::End => (road(Trouble::Cut { abruptly: false }), None),
        Kind::Reset => (road(Trouble::Cut { abruptly: true }), None),
        Kind::Deaf => (road(half(false, true)), long),
        Kind::Mute => (road(half(true, false)), long),
        Kind::Lost => (road(half(true, true)), long),
        Kind::CorruptUp => (road(Trouble::Corrupt(Way::ToRelay)), long),
        Kind::CorruptDown => (road(Trouble::Corrupt(Way::FromRelay)), long),
        Kind::Slow => (road(Trouble::Slow(rate)), long),
        Kind::Closed => (road(Trouble::Closed), long),
        Kind::KillPerson => (Fault::KillPerson(who), None),
        Kind::PausePerson => (Fault::PausePerson(who), long),
        Kind::KillRelay => (Fault::KillRelay, long.map(|long| long / 4)),
        Kind::PauseRelay => (Fault::PauseRelay, long),
    }
}

fn shuffled(chance: &mut Chance) -> Vec<Kind> {
    let mut kinds = KINDS.to_vec();
    for last in (1..kinds.len()).rev() {
        let other = usize::try_from(chance.below(last as u64 + 1)).unwrap_or_default();
        kinds.swap(last, other);
    }
    kinds
}

pub(crate) fn between(chance: &mut Chance, low: u64, high: u64) -> u64 {
    low + chance.below(high - low)
}

impl Fault {
    /// A word for counting.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Road(_, Trouble::Cut { .. }, _) => "cut",
            Self::Road(_, Trouble::HalfOpen { .. }, _) => "half-open",
            Self::Road(_, Trouble::Corrupt(_), _) => "corrupted",
            Self::Road(_, Trouble::Slow(_), _) => "slowed",
            Self::Road(_, Trouble::Closed, _) => "closed",
            Self::KillPerson(_) => "client killed",
            Self::PausePerson(_) => "client paused",
            Self::KillRelay => "relay killed",
            Self::PauseRelay => "relay paused",
        }
    }

    /// Whom it hits; none: the relay.
    #[must_use]
    pub fn who(self) -> Option<usize> {
        match self {
            Self::Road(who, ..) | Self::KillPerson(who) | Self::PausePerson(who) => Some(who),
            Self::KillRelay | Self::PauseRelay => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToRelay => "to the relay",
            Self::FromRelay => "from the relay",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let length = Duration::from_secs(75);
        assert_eq!(moments(7, length), moments(7, length));
        assert_ne!(moments(7, length), moments(8, length));
    }

    #[test]
    fn a_longer_run_begins_like_a_shorter_one() {
        let faults = |seconds| -> Vec<Moment> {
            let moments = moments(3, Duration::from_secs(seconds)).into_iter();
            moments.filter(|m| m.edge == Edge::Begins).collect()
        };
        assert!(faults(600).starts_with(&faults(75)));
    }

    #[test]
    fn a_short_run_has_every_kind() {
        for seed in 0..100 {
            let moments = moments(seed, Duration::from_secs(90)).into_iter();
            let names: BTreeSet<&str> = moments.map(|moment| moment.fault.name()).collect();
            assert_eq!(names.len(), 9, "seed {seed}: {names:?}");
        }
    }

    #[test]
    fn what_lasts_ends_after_it_began() {
        for moment in moments(1, Duration::from_secs(600)) {
            if moment.edge == Edge::Ends {
                let began = moments(1, Duration::from_secs(600)).into_iter().find(|m| {
                    m.edge == Edge::Begins && m.fault == moment.fault && m.at < moment.at
                });
                began.unwrap();
            }
        }
    }
}
