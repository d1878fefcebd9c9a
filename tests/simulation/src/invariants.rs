//! What is compared with the model, and when: events as they come, everything that a person sees
//! now and then, after every start, and at the end.

use std::collections::BTreeSet;

use sotto_engine::{
    Author, Body, ConversationId, ConversationState, ConversationView, Delivery, Event, MessageId,
    MessageView, Notice, Shield, ShieldReason,
};
use sotto_wire::Lane;

use crate::model::Shown;
use crate::plan::Hostile;
use crate::world::{Held, Violation, World};

/// Orders from here on belong to texts that have no place yet.
pub(crate) const QUEUED: i64 = 1 << 52;

/// An event in words.
pub(crate) fn words(event: &Event) -> String {
    match event {
        Event::MessageAdded { message } => match (&message.author, &message.body) {
            (Author::Them, Body::Text { text }) => {
                format!("is shown: {}", text.trim_end_matches('~'))
            }
            (Author::Me, _) => "sees the own text".into(),
            (_, Body::Notice { notice }) => format!("is told: {notice:?}"),
            (_, body) => format!("is shown {body:?}"),
        },
        Event::RequestArrived { .. } => "is asked by somebody".into(),
        Event::RequestGone { .. } => "has a request less".into(),
        Event::InviteEnded { .. } => "has an invite that ended".into(),
        Event::InviteFailed { problem, .. } => format!("is told: {}", problem.code),
        other => format!("{other:?}"),
    }
}

impl World<'_> {
    /// An event is compared as it comes.
    pub(crate) fn check_event(&mut self, who: usize, event: &Event) -> Held {
        match event {
            Event::ConversationChanged { conversation } => {
                if let Some(other) = self.model.person(conversation.account) {
                    let key = (who, conversation.conversation);
                    self.model.others.insert(key, other);
                }
                Ok(())
            }
            Event::MessageAdded { message } => {
                if self.model.shown[who].contains_key(&message.message)
                    && message.author == Author::Them
                {
                    return Err(Violation::new(
                        "nothing is shown twice",
                        format!("{:?}", message.body),
                        who,
                    ));
                }
                self.check_message(who, message)
            }
            Event::InviteFailed {
                conversation,
                gone,
                problem,
            } => {
                if *gone {
                    self.model.gone.insert(*conversation);
                } else {
                    self.model.unreached.insert(*conversation);
                }
                self.check_failure(who, *conversation, &problem.code)
            }
            _ => Ok(()),
        }
    }

    /// One message that a person sees.
    fn check_message(&mut self, who: usize, message: &MessageView) -> Held {
        let key = (who, message.conversation);
        let other = self.model.others.get(&key).copied();
        let text = match &message.body {
            Body::Text { text } => text,
            Body::Notice { notice } => return self.check_notice(who, other, *notice),
            Body::Newer => {
                return Err(Violation::new(
                    "nothing false is shown",
                    "a newer kind",
                    who,
                ));
            }
        };
        let known = self.model.said.get(&message.message);
        let genuine = match message.author {
            Author::Me => known.is_none_or(|said| said.from == who && said.text == *text),
            Author::Them => match known {
                Some(said) => said.to == who && Some(said.from) == other && said.text == *text,
                None => false,
            },
            Author::App => false,
        };
        if !genuine {
            return Err(Violation::new(
                "nothing is shown that nobody said",
                format!("{:?} {}", message.author, text.trim_end_matches('~')),
                who,
            ));
        }
        if message.author == Author::Them {
            let shown = Shown {
                conversation: message.conversation,
                author: message.author,
                text: text.clone(),
            };
            self.model.shown[who].insert(message.message, shown);
        }
        Ok(())
    }

    /// Lines of the app's own stand only where the protocol allows them.
    fn check_notice(&mut self, who: usize, other: Option<usize>, notice: Notice) -> Held {
        let allowed = match notice {
            Notice::Accepted => true,
            Notice::Gap => self.lost(who, other, Lane::Chat),
            // The other side's, too: who can't go on begins anew, and that ends it here.
            Notice::Halted => {
                self.lost(who, other, Lane::Handshake)
                    || other.is_some_and(|other| self.lost(other, Some(who), Lane::Handshake))
            }
            Notice::Unopenable => self.outlived_its_keys(who),
            Notice::KeysChanged => false,
        };
        if allowed || !self.truthful() {
            Ok(())
        } else {
            Err(Violation::new(
                format!("no line says {notice:?} without a cause"),
                format!(
                    "in the conversation with {:?}",
                    other.map(|other| self.name(other))
                ),
                who,
            ))
        }
    }

    /// Whether the relay can have kept something back, on a connection that stands and told of nothing, for
    /// so long that its keys are gone: seven days after this device believes it has read everything.
    fn outlived_its_keys(&mut self, who: usize) -> bool {
        const WEEK: u64 = 7 * 86_400_000;
        let person = &self.people[who];
        let stood = person.stream.is_some() && self.now.saturating_sub(person.connected_at) >= WEEK;
        if stood && self.plan.hostile.is_some_and(Hostile::keeps_back) {
            self.model.outlived.insert(who);
        }
        self.model.outlived.contains(&who)
    }

    /// Whether the relay deleted by age what this person had not read of a conversation.
    pub(crate) fn lost(&self, who: usize, other: Option<usize>, lane: Lane) -> bool {
        self.relay.lost().iter().any(|lost| {
            let reader = |key| self.wire.subscribers.get(key).copied();
            let others = self.relay.readers(&lost.channel);
            let between = others
                .iter()
                .filter(|key| **key != lost.subscriber)
                .all(|key| reader(key).is_none_or(|reader| Some(reader) == other));
            lost.lane == lane && reader(&lost.subscriber) == Some(who) && between
        })
    }

    /// An invite leads nowhere for a reason.
    fn check_failure(&mut self, who: usize, conversation: ConversationId, code: &str) -> Held {
        let other = self.model.others.get(&(who, conversation)).copied();
        let mine = self
            .model
            .invites
            .iter()
            .filter(|given| Some(given.inviter) == other && given.opened.contains(&who));
        let clock = self.now;
        let used_up = mine.clone().any(|given| {
            given.revoked
                || (given.single_use && given.opened.len() > 1)
                || given.expires < clock + 3 * 86_400_000
        });
        let long_away =
            other.is_none_or(|other| self.people[other].away(self.now) > 9 * 86_400_000);
        let skewed = other
            .into_iter()
            .chain([who])
            .any(|who| self.model.skewed.contains(&who));
        let expired = mine.clone().any(|given| given.expires < clock + 2 * 60_000);
        let allowed = match code {
            "invite_used_up" => used_up,
            // The inviter's device never got round to telling its relay.
            "invite_expired" => expired || skewed,
            "invite_no_package" => long_away || skewed,
            "invite_clocks_differ" => skewed,
            _ => false,
        };
        if allowed || !self.strict() {
            Ok(())
        } else {
            Err(Violation::new(
                format!("an invite that is good does not fail ({code})"),
                format!("of {:?}", other.map(|other| self.name(other))),
                who,
            ))
        }
    }

    /// Texts whose acceptance nobody heard of: after a start it shows.
    pub(crate) fn resolve(&mut self, who: usize) -> Held {
        let unsure = std::mem::take(&mut self.model.unsure);
        let (mine, others): (Vec<_>, Vec<_>) =
            unsure.into_iter().partition(|text| text.from == who);
        self.model.unsure = others;
        for text in mine {
            let found = self.messages(who, text.conversation).into_iter().find(|message| {
                matches!(&message.body, Body::Text { text: shown } if *shown == text.text)
            });
            match found {
                Some(message) => {
                    self.tell(who, format!("finds text {} kept", text.number));
                    self.model.drafts.remove(&(who, text.conversation));
                    self.model.accept(message.message, text);
                }
                None => self.tell(who, format!("finds text {} not kept", text.number)),
            }
        }
        Ok(())
    }

    pub(crate) fn resolve_if_on(&mut self, who: usize) -> Held {
        if self.people[who].is_on() {
            self.resolve(who)
        } else {
            Ok(())
        }
    }

    /// All messages of a conversation, oldest first.
    pub(crate) fn messages(&mut self, who: usize, id: ConversationId) -> Vec<MessageView> {
        let reader = &mut self.people[who].process.as_mut().unwrap().reader;
        let mut all = Vec::new();
        let mut before = None;
        while let Ok(page) = reader.messages(id, before, 500) {
            before = page.messages.first().map(|message| message.order);
            all.splice(0..0, page.messages);
            if !page.more {
                break;
            }
        }
        all
    }

    /// Everything that a person sees, compared with the model.
    pub(crate) fn look(&mut self, who: usize) -> Held {
        if !self.people[who].is_on() {
            return Ok(());
        }
        let views = self.conversations(who);
        let mut seen = BTreeSet::new();
        for view in &views {
            if let Some(other) = self.model.person(view.account) {
                self.model.others.insert((who, view.conversation), other);
            }
            let messages = self.messages(who, view.conversation);
            for message in &messages {
                if !seen.insert(message.message) {
                    return Err(Violation::new("nothing is shown twice", "", who));
                }
                self.check_message(who, message)?;
            }
            self.check_view(who, view, &messages)?;
            self.check_order(who, view.conversation, &messages)?;
            self.check_members(who, view)?;
        }
        self.check_nothing_missing(who, &seen)
    }

    /// Whatever was told or accepted is still there.
    fn check_nothing_missing(&self, who: usize, seen: &BTreeSet<MessageId>) -> Held {
        let gone = |id: &ConversationId| self.model.gone.contains(id);
        let mut told = self.model.shown[who].iter();
        if let Some((_, shown)) =
            told.find(|(id, shown)| !seen.contains(id) && !gone(&shown.conversation))
        {
            return Err(Violation::new(
                "nothing that was shown is lost",
                shown.text.trim_end_matches('~'),
                who,
            ));
        }
        let mut said = self.model.said.iter().filter(|(_, said)| said.from == who);
        if let Some((_, said)) =
            said.find(|(id, said)| !seen.contains(id) && !gone(&said.conversation))
        {
            return Err(Violation::new(
                "nothing that was accepted is lost",
                said.text.trim_end_matches('~'),
                who,
            ));
        }
        Ok(())
    }

    fn check_view(&self, who: usize, view: &ConversationView, messages: &[MessageView]) -> Held {
        let key = (who, view.conversation);
        let draft = self.model.drafts.get(&key).map_or("", String::as_str);
        if view.draft != draft {
            let detail = format!("{:?} instead of {draft:?}", view.draft);
            return Err(Violation::new("a draft stays as it was left", detail, who));
        }
        let other = self.model.person(view.account);
        let names = other.map(|other| &self.model.names[other]);
        if !view.name.is_empty() && !names.is_some_and(|names| names.contains(&view.name)) {
            return Err(Violation::new("a name is the other's own", &view.name, who));
        }
        let read = self.model.read.get(&key).copied().unwrap_or(0);
        let unread = messages
            .iter()
            .filter(|message| message.author == Author::Them && message.order > read)
            .count();
        if view.unread as usize != unread {
            let detail = format!("{} instead of {unread}", view.unread);
            return Err(Violation::new("unread messages are counted", detail, who));
        }
        let compared = self.model.verified.contains(&key);
        let expected = match (view.state, compared) {
            (ConversationState::Halted, _) => (Shield::NotProtected, ShieldReason::Halted),
            (_, true) => (Shield::Verified, ShieldReason::Compared),
            (_, false) => (Shield::Encrypted, ShieldReason::NotCompared),
        };
        let shield = (view.shield, view.shield_reason);
        let warns = matches!(
            view.shield_reason,
            ShieldReason::HistoryDisputed | ShieldReason::RelayContradiction
        );
        if shield == expected || (warns && !self.truthful()) {
            Ok(())
        } else {
            Err(Violation::new(
                "the shield has the colour that it must",
                format!("{shield:?} instead of {expected:?}"),
                who,
            ))
        }
    }

    /// One order for all, each sender's own order in it, and marks that are true.
    fn check_order(&mut self, who: usize, id: ConversationId, messages: &[MessageView]) -> Held {
        if !self.strict() {
            return Ok(());
        }
        let (mut last, mut mine, mut theirs) = (i64::MIN, 0, 0);
        let other = self.model.others.get(&(who, id)).copied();
        let free = |who: Option<usize>| who.is_none_or(|who| self.model.refused.contains(&who));
        let (free_mine, free_theirs) = (free(Some(who)), free(other));
        // Whose own text went by age before it came back sends it once more, to another place.
        let sent_again = [Some(who), other].into_iter().flatten().any(|reader| {
            let them = if reader == who { other } else { Some(who) };
            self.lost(reader, them, Lane::Chat)
        });
        for message in messages {
            if message.order < last {
                return Err(Violation::new("orders ascend", "", who));
            }
            last = message.order;
            let Some(said) = self.model.said.get(&message.message) else {
                continue;
            };
            let (number, text) = (said.number, said.text.trim_end_matches('~').to_owned());
            let (before, free) = match message.author {
                Author::Me => (&mut mine, free_mine),
                _ => (&mut theirs, free_theirs),
            };
            if number < *before && !free && !sent_again {
                return Err(Violation::new("each sender's order is kept", text, who));
            }
            *before = number;
            if message.order < QUEUED {
                let place = *self
                    .model
                    .places
                    .entry(message.message)
                    .or_insert(message.order);
                if place != message.order && !sent_again {
                    return Err(Violation::new("there is one order for all", text, who));
                }
            }
            // A mark is a place in the order, so it covers what went by age before it too.
            let arrived = || {
                other.is_some_and(|other| {
                    self.model.shown[other].contains_key(&message.message)
                        || self.lost(other, Some(who), Lane::Chat)
                })
            };
            if matches!(message.delivery, Delivery::Delivered | Delivery::Read) && !arrived() {
                return Err(Violation::new("a mark says what is true", text, who));
            }
            if message.delivery == Delivery::Read && !self.has_read(other, who, message.order) {
                return Err(Violation::new("a text is read when it was read", text, who));
            }
        }
        Ok(())
    }

    fn has_read(&self, other: Option<usize>, who: usize, order: i64) -> bool {
        self.model
            .read
            .iter()
            .any(|((reader, conversation), read)| {
                Some(*reader) == other
                    && self.model.others.get(&(*reader, *conversation)) == Some(&who)
                    && *read >= order
            })
    }

    /// Nobody is in a group but the two.
    fn check_members(&mut self, who: usize, view: &ConversationView) -> Held {
        let me = self.people[who].account;
        let reader = &mut self.people[who].process.as_mut().unwrap().reader;
        let Ok(details) = reader.details(view.conversation) else {
            return Ok(());
        };
        let stranger = details
            .members
            .iter()
            .find(|member| member.account != me && Some(member.account) != view.account);
        match stranger {
            Some(stranger) => Err(Violation::new(
                "nobody is in it but the two",
                format!("{:?}", stranger.account),
                who,
            )),
            None if details.members.len() > 2 => {
                Err(Violation::new("nobody is in it but the two", "", who))
            }
            None => Ok(()),
        }
    }
}
