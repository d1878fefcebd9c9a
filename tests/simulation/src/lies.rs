//! What a relay's lies must look like to those who are lied to, once everybody has talked again.
//! A relay that only keeps things back has said nothing false: then everything must arrive in the
//! end, and nobody may be warned.

use sotto_engine::{
    Author, Body, ConversationState, ConversationView, Delivery, Notice, ShieldReason,
};

use crate::plan::Hostile;
use crate::world::{Held, Violation, World};

const MINUTE: u64 = 60_000;
const EVENTS: u64 = 60_000;

impl World<'_> {
    /// Whether the relay keeps to the truth, be it not the whole of it.
    pub(crate) fn truthful(&self) -> bool {
        self.plan.hostile.is_none_or(Hostile::keeps_back)
    }

    /// The relay lies no more, and everybody connects anew. What it has made people believe stays.
    pub(crate) fn end_lies(&mut self) -> Held {
        self.liar.rest();
        // Twice: whoever asks for what another's device has not told the relay yet, and then does,
        // waits for hours before asking again, unless the connection begins anew.
        for _ in 0..2 {
            for who in 0..self.people.len() {
                self.cut(who, 0)?;
            }
            self.settle(2 * MINUTE, EVENTS)?;
        }
        if self.truthful() {
            return Ok(());
        }
        // Whoever was shown another history finds out when they are written to.
        for who in 0..self.people.len() {
            if !self.people[who].is_on() {
                continue;
            }
            for view in self.conversations(who) {
                if let Some(letter) = self.compose_for(who, &view, 0) {
                    self.say_it(letter, None)?;
                }
            }
        }
        self.settle(2 * MINUTE, EVENTS)
    }

    /// Those who were lied to see it.
    pub(crate) fn check_lies_are_seen(&mut self) -> Held {
        match self.plan.hostile {
            Some(Hostile::Fork) => self.check_forks()?,
            Some(Hostile::RollBack) => self.check_roll_backs()?,
            _ => {}
        }
        if self.truthful() {
            return Ok(());
        }
        (0..self.people.len()).try_for_each(|who| self.check_losses_are_seen(who))
    }

    /// Between two who talk in one conversation and are not warned, whatever is said to be stored has
    /// come, or a gap stands in its place. Not where the relay still moves what it delivers to
    /// other places, for then the reader waits and nothing behind the hole is shown.
    fn check_losses_are_seen(&mut self, who: usize) -> Held {
        let calm =
            |view: &ConversationView| view.state == ConversationState::Active && !warned(view);
        for view in self.conversations(who).into_iter().filter(calm) {
            let Some(other) = self.model.person(view.account) else {
                continue;
            };
            if self.reads_elsewhere(who, other) {
                continue;
            }
            let group = self.people[who].group(view.conversation);
            let theirs = self.conversations(other);
            let theirs = theirs
                .iter()
                .find(|theirs| self.people[other].group(theirs.conversation) == group);
            let Some(theirs) = theirs.filter(|theirs| calm(theirs)) else {
                continue;
            };
            let there = self.messages(other, theirs.conversation);
            // A text that went on from a halted conversation may have come there before.
            let before: Vec<_> = self
                .conversations(other)
                .into_iter()
                .filter(|view| view.state == ConversationState::Halted)
                .flat_map(|view| self.messages(other, view.conversation))
                .collect();
            for message in self.messages(who, view.conversation) {
                let stored = message.author == Author::Me && message.delivery >= Delivery::Stored;
                let mut all = there.iter().chain(&before);
                let come = all.any(|seen| seen.message == message.message);
                let gap = there.iter().any(|seen| {
                    let notice = Notice::Gap;
                    seen.body == Body::Notice { notice } && seen.order >= message.order
                });
                if let Body::Text { text } = &message.body
                    && stored
                    && !come
                    && !gap
                {
                    return Err(Violation::new(
                        "what a lie has swallowed is noticed",
                        format!("{text:?} from {}", self.name(who)),
                        other,
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether what one of the two is delivered still stands in other places, in a channel that is not
    /// a third person's.
    fn reads_elsewhere(&self, who: usize, other: usize) -> bool {
        let forked = self.liar.forked();
        let two = [who, other];
        forked.iter().any(|(whose, channel)| {
            let mut readers = self.wire.read().filter(|(of, _, _)| of == channel);
            two.contains(whose)
                && readers.clone().any(|(_, reader, _)| reader == *whose)
                && readers.all(|(_, reader, _)| two.contains(&reader))
        })
    }

    /// A reader who was shown another history, or the one whom they talk with, is warned.
    fn check_forks(&mut self) -> Held {
        let forked = self.liar.forked();
        let reads: Vec<_> = self.wire.read().collect();
        for (channel, who, _) in &reads {
            let other = reads
                .iter()
                .find(|(of, other, _)| of == channel && other != who);
            let Some((_, other, _)) = other.filter(|_| forked.contains(&(*who, *channel))) else {
                continue;
            };
            let (who, other) = (*who, *other);
            let (mine, theirs) = (self.with_whom(who, other), self.with_whom(other, who));
            let (Some(mine), Some(theirs)) = (mine, theirs) else {
                continue;
            };
            let talks = |view: &ConversationView| view.state == ConversationState::Active;
            if talks(&mine) && talks(&theirs) && !warned(&mine) && !warned(&theirs) {
                return Err(Violation::new(
                    "who is shown another history finds out",
                    format!("in the conversation with {}", self.name(other)),
                    who,
                ));
            }
        }
        Ok(())
    }

    /// A relay that knows less than it had delivered is caught.
    fn check_roll_backs(&mut self) -> Held {
        let reads: Vec<_> = self.wire.read().collect();
        for (channel, who, position) in &reads {
            // An account's own group is read by nobody else, and never shown.
            if !reads
                .iter()
                .any(|(of, other, _)| of == channel && other != who)
            {
                continue;
            }
            let (channel, who, position) = (*channel, *who, *position);
            let forgot = self
                .relay
                .head(&channel)
                .is_some_and(|head| head < position);
            if forgot && !self.conversations(who).iter().any(contradicted) {
                return Err(Violation::new(
                    "a relay that forgets is noticed",
                    format!("{channel:?}, read up to {position}"),
                    who,
                ));
            }
        }
        Ok(())
    }

    fn with_whom(&mut self, who: usize, other: usize) -> Option<ConversationView> {
        let views = self.conversations(who);
        views
            .into_iter()
            .find(|view| self.model.person(view.account) == Some(other))
    }
}

fn contradicted(view: &ConversationView) -> bool {
    matches!(
        view.shield_reason,
        ShieldReason::RelayContradiction | ShieldReason::Halted
    )
}

fn warned(view: &ConversationView) -> bool {
    contradicted(view) || view.shield_reason == ShieldReason::HistoryDisputed
}
