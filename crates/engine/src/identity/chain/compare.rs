//! Which of two chains of one account counts.

use super::{Chain, StatementHash};

/// How one chain stands to another of the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are equal.
    Same,
    /// The other one replaces this one.
    Older,
    /// This one replaces the other one.
    Newer,
    /// Neither replaces the other: red, and neither is accepted, until a statement or a rotation
    /// that puts an end to it.
    Forked {
        /// The first statement that differs, from 1; 0 when the accounts differ.
        number: u32,
    },
}

impl Chain {
    /// Whether `other` begins with all of this chain, or equals it.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        self.account_id() == other.account_id()
            && other.links.len() >= self.links.len()
            && self.common(other) == self.links.len()
    }

    /// Whether this chain begins with all of `other` and goes on.
    #[must_use]
    pub fn extends(&self, other: &Self) -> bool {
        other.is_prefix_of(self) && self.links.len() > other.links.len()
    }

    /// Which of the two counts. Only the recovery key outranks the account key, so:
    /// 1. a chain that continues the other replaces it;
    /// 2. where they part, one more rotation outranks any device list;
    /// 3. different rotations contradict each other;
    /// 4. of two lists with one number neither counts, until one chain's next statement names
    ///    the other's list as its rival, and the other ends there.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Relation {
        if self.account_id() != other.account_id() {
            return Relation::Forked { number: 0 };
        }
        let common = self.common(other);
        let (ours, theirs) = (self.links.len(), other.links.len());
        match (ours == common, theirs == common) {
            (true, true) => return Relation::Same,
            (true, false) => return Relation::Older,
            (false, true) => return Relation::Newer,
            (false, false) => {}
        }
        let forked = Relation::Forked {
            number: u32::try_from(common).unwrap_or(u32::MAX).saturating_add(1),
        };
        match order(self.lineage.rotations(), other.lineage.rotations()) {
            Rotations::Fewer => Relation::Older,
            Rotations::More => Relation::Newer,
            Rotations::Different => forked,
            Rotations::Equal if self.ends_rival(other, common) => Relation::Newer,
            Rotations::Equal if other.ends_rival(self, common) => Relation::Older,
            Rotations::Equal => forked,
        }
    }

    /// Statements that both begin with.
    fn common(&self, other: &Self) -> usize {
        let pairs = self.links.iter().zip(&other.links);
        pairs
            .take_while(|(ours, theirs)| ours.hash == theirs.hash)
            .count()
    }

    /// Whether `other` ends with the statement at which they part, and our next one names it.
    fn ends_rival(&self, other: &Self, common: usize) -> bool {
        other.links.len() == common + 1
            && self
                .links
                .get(common + 1)
                .is_some_and(|next| next.rivals.contains(&other.head()))
    }
}

/// How two lists of rotations stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Rotations {
    Equal,
    Fewer,
    More,
    Different,
}

/// Compares lists of rotations: equal, one the beginning of the other, or contradicting.
pub(in crate::identity) fn order(ours: &[StatementHash], theirs: &[StatementHash]) -> Rotations {
    if ours == theirs {
        Rotations::Equal
    } else if theirs.starts_with(ours) {
        Rotations::Fewer
    } else if ours.starts_with(theirs) {
        Rotations::More
    } else {
        Rotations::Different
    }
}
