//! The quiet at the end: everybody is online, nothing is wrong any more, and everything that was
//! promised must have come.

use sotto_engine::{
    Author, Body, ConversationState, ConversationView, Delivery, Input, MessageView, Notice,
};
use sotto_wire::Lane;

use crate::invariants::QUEUED;
use crate::world::{Held, Violation, World};

const MINUTE: u64 = 60_000;

/// Rows that a profile may hold of what only passes through, whatever happened before.
const PASSING: [(&str, i64); 5] = [
    ("outbox", 0),
    ("errands", 0),
    ("openings", 0),
    ("intents", 0),
    ("pending_handshakes", 0),
];

impl World<'_> {
    /// Everything is mended, and the world comes to rest.
    pub(crate) fn come_to_rest(&mut self) -> Held {
        self.tell(None, "everything is mended");
        self.relay.refuse.clear();
        for who in 0..self.people.len() {
            self.people[who].skew = 0;
            self.people[who].wake_at = self.now;
            self.people[who].back_at = self.now;
            // A host that sees its clock jump has the engine look at it.
            self.give(who, Input::Deadline, None)?;
        }
        if !self.strict() {
            self.end_lies()?;
        }
        if !self.truthful() {
            return Ok(());
        }
        // Twice an hour and more, so that whatever is due every hour has been done.
        for _ in 0..2 {
            self.settle(10 * MINUTE, 60_000)?;
            self.relay.write_cursors();
            self.settle(70 * MINUTE, 60_000)?;
        }
        Ok(())
    }

    /// What everybody sees is what they should.
    pub(crate) fn check_end(&mut self) -> Held {
        for who in 0..self.people.len() {
            if !self.people[who].is_on() {
                return Err(Violation::new("everybody is there at the end", "", who));
            }
            self.look(who)?;
        }
        if self.truthful() {
            self.check_everything_came()?;
        }
        self.check_lies_are_seen()?;
        (0..self.people.len()).try_for_each(|who| self.check_disk(who))
    }

    fn check_everything_came(&mut self) -> Held {
        for who in 0..self.people.len() {
            for view in self.conversations(who) {
                let messages = self.messages(who, view.conversation);
                self.check_conversation(who, &view, &messages)?;
            }
        }
        (0..self.people.len()).try_for_each(|who| self.check_growth(who))
    }

    fn check_conversation(
        &mut self,
        who: usize,
        view: &ConversationView,
        messages: &[MessageView],
    ) -> Held {
        let Some(other) = self.model.person(view.account) else {
            return Err(Violation::new("a conversation is with somebody", "", who));
        };
        let mut between = self.conversations(other);
        between.retain(|theirs| self.model.person(theirs.account) == Some(who));
        // One that can't go on makes room for another.
        between.sort_by_key(|theirs| theirs.state == ConversationState::Halted);
        let theirs = between.first();
        let began_anew = self
            .conversations(who)
            .iter()
            .any(|mine| mine.state == ConversationState::Halted && mine.account == view.account);
        let letters_lost =
            self.lost(who, Some(other), Lane::Chat) || self.lost(other, Some(who), Lane::Chat);
        match (
            view.state,
            theirs.map(|theirs| (theirs.state, theirs.conversation)),
        ) {
            (ConversationState::Opening, _) => Err(Violation::new(
                "an invite leads somewhere",
                format!("of {}", self.name(other)),
                who,
            )),
            (ConversationState::Unreached, _)
                if !self.model.unreached.contains(&view.conversation) =>
            {
                Err(Violation::new(
                    "whose invite led nowhere is told",
                    format!("of {}", self.name(other)),
                    who,
                ))
            }
            (ConversationState::Waiting, Some((ConversationState::Active, _)))
                if !began_anew && !self.lost(who, Some(other), Lane::Handshake) =>
            {
                Err(Violation::new(
                    "who was accepted knows it",
                    format!("by {}", self.name(other)),
                    who,
                ))
            }
            (ConversationState::Waiting, Some((ConversationState::Waiting, _)))
                if !letters_lost =>
            {
                Err(Violation::new(
                    "two who ask each other end up talking",
                    format!("with {}", self.name(other)),
                    who,
                ))
            }
            (ConversationState::Active, None) => Err(Violation::new(
                "nobody talks to somebody who does not",
                format!("to {}", self.name(other)),
                who,
            )),
            (ConversationState::Active, Some((ConversationState::Active, there))) => {
                let seen = self.messages(other, there);
                self.check_arrived(who, other, view, messages, &seen)
            }
            _ => Ok(()),
        }
    }

    fn check_arrived(
        &mut self,
        who: usize,
        other: usize,
        view: &ConversationView,
        messages: &[MessageView],
        there: &[MessageView],
    ) -> Held {
        // A name is told once: what went by age takes it along, and after a refusal an older one
        // can come last.
        let outlived = |of: usize| self.model.outlived.contains(&of);
        let told = !self.lost(who, Some(other), Lane::Chat)
            && !self.model.refused.contains(&other)
            && !outlived(who);
        if told && Some(&view.name) != self.model.names[other].last() {
            let detail = format!("{:?} for {}", view.name, self.name(other));
            return Err(Violation::new("the newest name arrives", detail, who));
        }
        let receipts =
            !self.model.receipts_off.contains(&who) && !self.model.receipts_off.contains(&other);
        let gap = self.lost(other, Some(who), Lane::Chat);
        // A receipt is told once, too.
        let told_once = self.lost(who, Some(other), Lane::Chat) || outlived(who);
        let closed = outlived(other);
        for message in messages {
            let Body::Text { text } = &message.body else {
                continue;
            };
            if message.author != Author::Me {
                continue;
            }
            let text = text.trim_end_matches('~');
            if message.order >= QUEUED {
                return Err(Violation::new("what was accepted is sent", text, who));
            }
            if !there.iter().any(|seen| seen.message == message.message) {
                let says = |seen: &MessageView| {
                    matches!(
                        seen.body,
                        Body::Notice {
                            notice: Notice::Gap
                        }
                    )
                };
                if gap
                    && there
                        .iter()
                        .any(|seen| says(seen) && seen.order >= message.order)
                {
                    continue;
                }
                let unopenable = Body::Notice {
                    notice: Notice::Unopenable,
                };
                let there_instead =
                    |seen: &MessageView| seen.body == unopenable && seen.order == message.order;
                if closed && there.iter().any(there_instead) {
                    continue;
                }
                return Err(Violation::new(
                    "what was sent is shown to the other",
                    text,
                    other,
                ));
            }
            if receipts && !gap && !told_once && message.delivery < Delivery::Delivered {
                return Err(Violation::new("what arrived is marked so", text, who));
            }
        }
        Ok(())
    }

    /// What only passes through is gone, and nothing has grown without bound.
    fn check_growth(&mut self, who: usize) -> Held {
        let stuck = self
            .conversations(who)
            .iter()
            .any(|view| view.state != ConversationState::Active);
        let beside = self.people[who].beside();
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            beside.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let months = i64::try_from((self.now - crate::world::BEGIN) / (20 * 86_400_000)).unwrap();
        let passing = PASSING.iter().filter(|_| !stuck).copied();
        let lasting = [
            ("requests", 200),
            ("key_packages", 13 * (3 + months.min(3)) + 8),
            ("mls_epochs", 3 * (count("mls_groups") + 1)),
        ];
        for (table, most) in passing.chain(lasting) {
            let rows = count(table);
            if rows > most {
                return Err(Violation::new(
                    "nothing grows without bound",
                    format!("{rows} rows of {table}, at most {most}"),
                    who,
                ));
            }
        }
        Ok(())
    }

    /// Closed, a profile is one file, and nothing of what was deleted is in it: no draft that was
    /// replaced or sent, and no log that could hold one.
    fn check_disk(&mut self, who: usize) -> Held {
        const RULE: &str = "what was deleted is nowhere on a disk";
        self.people[who].process = None;
        let log = self.people[who].folder.join("profile.db-wal");
        let left = std::fs::metadata(log).map_or(0, |about| about.len());
        if left > 0 {
            return Err(Violation::new(RULE, format!("{left} bytes of log"), who));
        }
        let pages = self.people[who]
            .beside()
            .serialize("main")
            .unwrap()
            .to_vec();
        let now = &self.model.drafts;
        let mut gone = self.model.begun.iter().filter(|(of, text)| {
            let is_there = |((who, _), draft): (&(usize, _), &String)| who == of && draft == text;
            *of == who && !text.is_empty() && !now.iter().any(is_there)
        });
        let found = |text: &str| {
            pages
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        match gone.find(|(_, text)| found(text)) {
            Some((_, text)) => Err(Violation::new(RULE, text, who)),
            None => Ok(()),
        }
    }
}
