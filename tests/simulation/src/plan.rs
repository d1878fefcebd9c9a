//! What a seed means, and what of it is left out.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::chance::Chance;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL
                    .iter()
                    .find(|one| one.to_string() == text)
                    .copied()
                    .ok_or_else(|| {
                        let all: Vec<_> = Self::ALL.iter().map(ToString::to_string).collect();
                        format!(concat!("no such ", $what, "; there are: {}"), all.join(", "))
                    })
            }
        }
    };
}

named! {
    /// How the relay lies, where it does.
    Hostile: "way to lie" {
        /// Frames are left out, one by one.
        Drop = "drop",
        /// Frames are held back, and come after later ones of other channels.
        Delay = "delay",
        /// Entries are delivered twice, at their own place or at the next one.
        Replay = "replay",
        /// Neighbours in a channel change places.
        Reorder = "reorder",
        /// One reader is shown another history.
        Fork = "fork",
        /// It goes on from an old backup, or says that it knows less than it did.
        RollBack = "roll-back",
        /// Cards, packages and letters are swapped, garbled or withheld.
        Swap = "swap",
        /// Entries of other channels, old ones and garbage are put in between.
        Inject = "inject",
        /// It says that it stored what it did not, and that it did not what it did.
        Lie = "lie",
    }
}

named! {
    /// What can happen in a step, besides frames on their way.
    Deed: "deed" {
        /// Somebody writes a text.
        Say = "say",
        /// Somebody reads.
        Read = "read",
        /// Somebody types.
        Type = "type",
        /// Somebody begins to write.
        Draft = "draft",
        /// Somebody takes another name.
        Name = "name",
        /// Somebody compares safety numbers.
        Verify = "verify",
        /// Somebody switches receipts on or off.
        Receipts = "receipts",
        /// Somebody makes an invite.
        Invite = "invite",
        /// Somebody revokes an invite.
        Revoke = "revoke",
        /// Somebody opens an invite.
        Open = "open",
        /// Somebody accepts a request.
        Accept = "accept",
        /// Somebody declines a request.
        Decline = "decline",
        /// Somebody writes down the recovery code.
        Recovery = "recovery",
        /// Somebody asks for what can't be done.
        Nonsense = "nonsense",
        /// A connection dies.
        Cut = "cut",
        /// Somebody has no network for a while.
        Partition = "partition",
        /// A process is killed and started again.
        Kill = "kill",
        /// The power goes, in the middle of what the device did last.
        PowerCut = "power-cut",
        /// A disk is full while something is done.
        DiskFull = "disk-full",
        /// A disk fails to sync.
        DiskFails = "disk-fails",
        /// A clock jumps.
        Clock = "clock",
        /// A device is switched off for minutes to months.
        Sleep = "sleep",
        /// Time passes, from seconds to weeks.
        Time = "time",
        /// The relay is killed and started again.
        RelayRestart = "relay-restart",
        /// The relay writes down its cursors.
        RelayCursors = "relay-cursors",
        /// The relay refuses a few appends for now.
        RelayRefuses = "relay-refuses",
    }
}

/// A world that is to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// Steps, 1 or more, before the quiet at the end.
    pub steps: u64,
    /// People, 2 to 26.
    pub people: usize,
    /// How the relay lies, if it does.
    pub hostile: Option<Hostile>,
    /// Deeds that are left out.
    pub without: BTreeSet<Deed>,
    /// Steps that are left out.
    pub skip: Vec<RangeInclusive<u64>>,
    /// Bytes that decide before the dice of each step do, [`CHOSEN`] a step.
    pub chosen: Vec<u8>,
    /// Begins where a world of others came to rest, who know each other or not: that is played once
    /// for all that begin so. None: with fresh profiles, and the dice say who gets to know whom.
    pub acquainted: Option<bool>,
}

impl Hostile {
    /// Whether it only keeps things back: then nothing that it says is false.
    #[must_use]
    pub fn keeps_back(self) -> bool {
        matches!(self, Self::Drop | Self::Delay)
    }
}

/// Bytes that decide in one step.
pub const CHOSEN: usize = 8;

impl Plan {
    /// The world of a seed: nine of ten small (up to 6 people and 300 steps), the rest large (up
    /// to 20 people and 1,000 steps).
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, u64::MAX);
        let (people, steps) = if seed % 10 == 9 {
            (chance.between(7, 20), chance.between(400, 1_000))
        } else {
            let people = chance.weighted(&[(5, 2), (3, 3), (1, 4), (1, 5), (1, 6)]);
            (people, chance.between(100, 300))
        };
        Self {
            seed,
            steps,
            people: usize::try_from(people).unwrap_or(2),
            hostile: None,
            without: BTreeSet::new(),
            skip: Vec::new(),
            chosen: Vec::new(),
            acquainted: None,
        }
    }

    /// A world that these bytes drive: the first one says who is there, whether they know each other
    /// and whether the relay lies, the others decide what happens, step by step.
    #[must_use]
    pub fn driven(bytes: &[u8]) -> Self {
        let (first, chosen) = bytes
            .split_first()
            .map_or((0, bytes), |(b, rest)| (*b, rest));
        let kinds = Hostile::ALL.len() + 1;
        let kind = usize::from(first) % (2 * kinds);
        Self {
            steps: (chosen.len().div_ceil(CHOSEN) as u64).max(1),
            people: 2 + usize::from(first) / (2 * kinds) % 2,
            // Half of the worlds have an honest relay.
            hostile: Hostile::ALL.get(kind).copied(),
            chosen: chosen.to_vec(),
            acquainted: Some(usize::from(first) / (4 * kinds) % 4 < 3),
            ..Self::of(0)
        }
    }

    /// What is chosen for a step.
    pub(crate) fn chosen_for(&self, step: u64) -> &[u8] {
        let from = usize::try_from(step).unwrap_or(usize::MAX);
        let from = from.saturating_mul(CHOSEN).min(self.chosen.len());
        let until = (from + CHOSEN).min(self.chosen.len());
        &self.chosen[from..until]
    }

    /// One world of five is of strangers who often open each other's invites, and decline.
    #[must_use]
    pub fn crosses(&self) -> bool {
        self.seed % 5 == 3
    }

    /// Whether this step is left out.
    #[must_use]
    pub fn skips(&self, step: u64) -> bool {
        self.skip.iter().any(|range| range.contains(&step))
    }

    /// Steps that are taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        (0..self.steps).filter(|step| !self.skips(*step)).count() as u64
    }
}

/// The arguments that play it again.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {} --steps {}", self.seed, self.steps)?;
        if self.people != Self::of(self.seed).people {
            write!(f, " --people {}", self.people)?;
        }
        if let Some(hostile) = self.hostile {
            write!(f, " --hostile {hostile}")?;
        }
        if !self.without.is_empty() {
            let names: Vec<_> = self.without.iter().map(ToString::to_string).collect();
            write!(f, " --without {}", names.join(","))?;
        }
        if !self.skip.is_empty() {
            let ranges: Vec<_> = self.skip.iter().map(range_text).collect();
            write!(f, " --skip {}", ranges.join(","))?;
        }
        if !self.chosen.is_empty() {
            write!(f, " --chosen FILE")?;
        }
        Ok(())
    }
}

fn range_text(range: &RangeInclusive<u64>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}-{}", range.start(), range.end())
    }
}

/// Reads `3-17` or `5`.
///
/// # Errors
/// In words, when it is neither.
pub fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is no step"))
    };
    match text.split_once('-') {
        Some((from, to)) => Ok(number(from)?..=number(to)?),
        None => number(text).map(|step| step..=step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for deed in Deed::ALL {
            assert_eq!(deed.to_string().parse(), Ok(*deed));
        }
        for hostile in Hostile::ALL {
            assert_eq!(hostile.to_string().parse(), Ok(*hostile));
        }
        assert!("juggle".parse::<Deed>().is_err());
    }

    #[test]
    fn a_plan_says_how_to_play_it_again() {
        let mut plan = Plan::of(3);
        assert_eq!(plan.to_string(), format!("--seed 3 --steps {}", plan.steps));
        plan.skip = vec![range("3-17").unwrap(), range("40").unwrap()];
        plan.without.insert(Deed::PowerCut);
        plan.hostile = Some(Hostile::RollBack);
        let text = plan.to_string();
        assert!(
            text.ends_with("--hostile roll-back --without power-cut --skip 3-17,40"),
            "{text}"
        );
        assert!(plan.skips(17) && !plan.skips(18));
        assert!(range("a-b").is_err());
    }
}
