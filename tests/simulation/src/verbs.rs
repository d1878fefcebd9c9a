//! What people do. Each verb knows from the contract what its answer must be.

use sotto_engine::{
    Author, Body, Command, ConversationId, ConversationState, ConversationView, Done, Input,
    InviteState, MessageId, Problem, RequestView, ShieldReason,
};

use crate::machine::Trouble;
use crate::model::{Given, Unsure};
use crate::plan::Deed;
use crate::world::{Held, Violation, World};

const DAY: u64 = 86_400_000;

/// A text on its way into an engine.
pub(crate) struct Letter {
    pub(crate) text: Unsure,
    /// The reason for which it must be refused, if it must.
    held: Option<&'static str>,
}

impl Letter {
    pub(crate) fn command(&self) -> Command {
        Command::SendText {
            conversation: self.text.conversation,
            text: self.text.text.clone(),
        }
    }
}

impl World<'_> {
    /// Somebody does something, or something happens to them.
    pub(crate) fn act(&mut self) -> Held {
        let deed = self.dice.weighted(&[
            (30, Deed::Say),
            (8, Deed::Read),
            (4, Deed::Type),
            (4, Deed::Draft),
            (1, Deed::Name),
            (2, Deed::Verify),
            (1, Deed::Receipts),
            (4, Deed::Invite),
            (1, Deed::Revoke),
            (7, Deed::Open),
            (10, Deed::Accept),
            (1, Deed::Decline),
            (1, Deed::Recovery),
            (3, Deed::Nonsense),
            (7, Deed::Cut),
            (2, Deed::Partition),
            (4, Deed::Kill),
            (6, Deed::PowerCut),
            (2, Deed::DiskFull),
            (1, Deed::DiskFails),
            (2, Deed::Clock),
            (2, Deed::Sleep),
            (4, Deed::Time),
            (1, Deed::RelayRestart),
            (3, Deed::RelayCursors),
            (2, Deed::RelayRefuses),
        ]);
        let on: Vec<usize> = (0..self.people.len())
            .filter(|who| self.people[*who].is_on())
            .collect();
        let who = self.dice.pick(&on).copied();
        if self.plan.without.contains(&deed) {
            return Ok(());
        }
        let Some(who) = who else {
            return self.befall(deed, None);
        };
        match deed {
            Deed::Say => self.say(who, None),
            Deed::Read => self.read(who),
            Deed::Type => self.type_(who),
            Deed::Draft => self.draft(who),
            Deed::Name => self.rename(who),
            Deed::Verify => self.verify(who),
            Deed::Receipts => self.switch_receipts(who),
            Deed::Invite => self.invite(who).map(|_| ()),
            Deed::Revoke => self.revoke(who),
            Deed::Open => self.open_any(who),
            Deed::Accept => self.accept_any(who),
            Deed::Decline => self.decline(who),
            Deed::Recovery => self.must(who, Command::RecoveryCodeSaved).map(|_| ()),
            Deed::Nonsense => self.nonsense(who),
            other => self.befall(other, Some(who)),
        }
    }

    /// Asks for something, with everything in order.
    pub(crate) fn ask(
        &mut self,
        who: usize,
        command: Command,
    ) -> Result<Result<Done, Problem>, Violation> {
        let answers = self.give(who, Input::Commands(vec![command]), None)?;
        Ok(answers.unwrap().remove(0))
    }

    /// Asks for something that can't be refused.
    pub(crate) fn must(&mut self, who: usize, command: Command) -> Result<Done, Violation> {
        let asked = format!("{command:?}");
        self.ask(who, command)?
            .map_err(|problem| refused(who, &problem, &asked))
    }

    pub(crate) fn conversations(&mut self, who: usize) -> Vec<ConversationView> {
        let process = self.people[who].process.as_mut().unwrap();
        let mut all = process.reader.conversations().unwrap();
        // The list is by time, and times are equal more often than not.
        all.sort_by_key(|view| view.conversation);
        all
    }

    fn any_conversation(&mut self, who: usize) -> Option<ConversationView> {
        let all = self.conversations(who);
        self.dice.pick(&all).cloned()
    }

    fn other(&self, view: &ConversationView) -> Option<usize> {
        self.model.person(view.account)
    }

    fn with(&self, view: &ConversationView) -> String {
        self.other(view)
            .map_or("somebody".into(), |other| self.name(other).to_owned())
    }

    /// Writes a text to somebody, if there is anybody.
    pub(crate) fn say(&mut self, who: usize, trouble: Option<Trouble>) -> Held {
        let Some(letter) = self.compose(who) else {
            return Ok(());
        };
        self.say_it(letter, trouble)
    }

    pub(crate) fn say_it(&mut self, letter: Letter, trouble: Option<Trouble>) -> Held {
        let who = letter.text.from;
        let input = Input::Commands(vec![letter.command()]);
        match self.give(who, input, trouble)? {
            Some(answers) => self.answered(letter, answers.into_iter().next()),
            None => {
                if trouble == Some(Trouble::SyncFails) {
                    self.model.unsure.push(letter.text);
                    self.resolve_if_on(who)?;
                }
                Ok(())
            }
        }
    }

    /// A text for somebody, and what must be answered to it.
    pub(crate) fn compose(&mut self, who: usize) -> Option<Letter> {
        let view = self.any_conversation(who)?;
        let size = self
            .dice
            .weighted(&[(20, 0), (3, 600), (2, 5_000), (1, 40_000)]);
        self.compose_for(who, &view, size)
    }

    pub(crate) fn compose_for(
        &mut self,
        who: usize,
        view: &ConversationView,
        size: usize,
    ) -> Option<Letter> {
        let to = self.other(view)?;
        let number = self.model.next_text();
        let (me, them) = (self.name(who), self.name(to));
        let text = format!("text {number} from {me} to {them}{}", "~".repeat(size));
        self.tell(
            who,
            format!(
                "writes text {number} to {} ({size} bytes more)",
                self.name(to)
            ),
        );
        let held = match (view.state, view.shield_reason) {
            (ConversationState::Halted, _) => Some("conversation_halted"),
            (_, ShieldReason::RelayContradiction) => Some("conversation_held"),
            _ => None,
        };
        let text = Unsure {
            from: who,
            to,
            conversation: view.conversation,
            text,
            number,
        };
        Some(Letter { text, held })
    }

    /// The answer to a text was heard.
    pub(crate) fn answered(
        &mut self,
        letter: Letter,
        answer: Option<Result<Done, Problem>>,
    ) -> Held {
        let Letter { text, held } = letter;
        match (answer, held) {
            (Some(Ok(Done::Message { message })), None) => {
                self.model.drafts.remove(&(text.from, text.conversation));
                self.model.accept(message, text);
                Ok(())
            }
            (Some(Err(problem)), Some(code)) if problem.code == code => {
                self.tell(text.from, format!("may not: {code}"));
                Ok(())
            }
            (answer, held) => Err(Violation::new(
                "a text is taken, or refused for the reason that is shown",
                format!("{answer:?} where {held:?} was due"),
                text.from,
            )),
        }
    }

    fn read(&mut self, who: usize) -> Held {
        let Some(view) = self.any_conversation(who) else {
            return Ok(());
        };
        let texts = self.texts(who, view.conversation);
        let Some((message, order, _)) = self.dice.pick(&texts).cloned() else {
            return Ok(());
        };
        self.tell(who, format!("reads what {} wrote", self.with(&view)));
        let conversation = view.conversation;
        self.must(
            who,
            Command::MarkRead {
                conversation,
                message,
            },
        )?;
        let read = self.model.read.entry((who, conversation)).or_default();
        *read = (*read).max(order);
        Ok(())
    }

    /// Texts of others in a conversation: id, order, text.
    fn texts(&mut self, who: usize, conversation: ConversationId) -> Vec<(MessageId, i64, String)> {
        let process = self.people[who].process.as_mut().unwrap();
        let page = process.reader.messages(conversation, None, 500).unwrap();
        let theirs =
            page.messages
                .into_iter()
                .filter_map(|message| match (message.author, message.body) {
                    (Author::Them, Body::Text { text }) => {
                        Some((message.message, message.order, text))
                    }
                    _ => None,
                });
        theirs.collect()
    }

    fn type_(&mut self, who: usize) -> Held {
        let Some(view) = self.any_conversation(who) else {
            return Ok(());
        };
        let typing = !self.dice.one_in(3);
        let conversation = view.conversation;
        self.must(
            who,
            Command::Typing {
                conversation,
                typing,
            },
        )?;
        Ok(())
    }

    fn draft(&mut self, who: usize) -> Held {
        let Some(view) = self.any_conversation(who) else {
            return Ok(());
        };
        let number = self.model.next_text();
        let text = if self.dice.one_in(3) {
            String::new()
        } else {
            format!("draft {number}.")
        };
        let conversation = view.conversation;
        self.tell(
            who,
            format!("begins to write to {}: {text:?}", self.with(&view)),
        );
        let command = Command::SetDraft {
            conversation,
            text: text.clone(),
        };
        self.must(who, command)?;
        self.model.begun.push((who, text.clone()));
        self.model.drafts.insert((who, conversation), text);
        Ok(())
    }

    fn rename(&mut self, who: usize) -> Held {
        let name = format!("{} {}", self.name(who), self.model.names[who].len());
        self.tell(who, format!("wants to be called {name}"));
        self.must(who, Command::SetName { name: name.clone() })?;
        self.model.names[who].push(name);
        Ok(())
    }

    fn verify(&mut self, who: usize) -> Held {
        let Some(view) = self.any_conversation(who) else {
            return Ok(());
        };
        let verified = !self.dice.one_in(4);
        let conversation = view.conversation;
        self.tell(
            who,
            format!("compared numbers with {}: {verified}", self.with(&view)),
        );
        self.must(
            who,
            Command::SetVerified {
                conversation,
                verified,
            },
        )?;
        if verified {
            self.model.verified.insert((who, conversation));
        } else {
            self.model.verified.remove(&(who, conversation));
        }
        Ok(())
    }

    fn switch_receipts(&mut self, who: usize) -> Held {
        let on = !self.model.receipts[who];
        self.tell(
            who,
            format!("switches receipts {}", if on { "on" } else { "off" }),
        );
        self.must(who, Command::SetReceipts { on })?;
        self.model.receipts[who] = on;
        self.model.receipts_off.insert(who);
        Ok(())
    }

    pub(crate) fn invite(&mut self, who: usize) -> Result<usize, Violation> {
        let single_use = self.dice.one_in(2);
        let lifetime_seconds = self
            .dice
            .weighted(&[(1, 3_600), (3, 86_400), (2, 40 * 86_400)]);
        let command = Command::CreateInvite {
            single_use,
            lifetime_seconds,
        };
        let done = self.must(who, command)?;
        let Done::Invite { invite, link } = done else {
            return Err(Violation::new(
                "an invite is an invite",
                format!("{done:?}"),
                who,
            ));
        };
        let number = self.model.invites.len();
        let many = if single_use { "one person" } else { "many" };
        self.tell(
            who,
            format!("makes invite {number} for {many}, good for {lifetime_seconds} s"),
        );
        let expires = self.people[who].clock(self.now).0 + lifetime_seconds * 1_000;
        self.model.invites.push(Given {
            inviter: who,
            invite,
            link,
            single_use,
            opened: Vec::new(),
            revoked: false,
            expires,
        });
        Ok(number)
    }

    fn revoke(&mut self, who: usize) -> Held {
        let reader = &mut self.people[who].process.as_mut().unwrap().reader;
        let clock = sotto_engine::Timestamp(self.now);
        let open = reader.invites(clock).unwrap();
        let open: Vec<_> = open
            .into_iter()
            .filter(|invite| invite.state == InviteState::Open)
            .map(|invite| invite.invite)
            .collect();
        let given: Vec<_> = (0..self.model.invites.len())
            .filter(|index| open.contains(&self.model.invites[*index].invite))
            .collect();
        let Some(number) = self.dice.pick(&given).copied() else {
            return Ok(());
        };
        self.tell(who, format!("revokes invite {number}"));
        let invite = self.model.invites[number].invite;
        self.must(who, Command::RevokeInvite { invite })?;
        self.model.invites[number].revoked = true;
        Ok(())
    }

    fn open_any(&mut self, who: usize) -> Held {
        let others: Vec<_> = (0..self.model.invites.len())
            .filter(|index| self.model.invites[*index].inviter != who)
            .collect();
        let Some(number) = self.dice.pick(&others).copied() else {
            return Ok(());
        };
        self.open(who, number)?;
        let inviter = self.model.invites[number].inviter;
        if self.plan.crosses() && self.people[inviter].is_on() && !self.dice.one_in(3) {
            self.open_one_of(inviter, who)?;
        }
        Ok(())
    }

    /// Opens an invite of this very person, too, who makes one if there is none.
    fn open_one_of(&mut self, who: usize, inviter: usize) -> Held {
        let theirs: Vec<_> = (0..self.model.invites.len())
            .filter(|index| self.model.invites[*index].inviter == inviter)
            .collect();
        let number = match self.dice.pick(&theirs).copied() {
            Some(number) => number,
            None => self.invite(inviter)?,
        };
        self.open(who, number)
    }

    pub(crate) fn open(&mut self, who: usize, number: usize) -> Held {
        let given = self.model.invites[number].clone();
        self.tell(
            who,
            format!("opens invite {number} of {}", self.name(given.inviter)),
        );
        let expired = given.expires + 60_000 < self.people[who].clock(self.now).0;
        match self.ask(who, Command::OpenInvite { link: given.link })? {
            Ok(Done::Conversation { .. }) if !expired => {
                self.model.invites[number].opened.push(who);
                Ok(())
            }
            Err(problem) if problem.code == "invite_expired" => {
                self.tell(who, "is told that it has expired");
                let about = given.expires.abs_diff(self.people[who].clock(self.now).0) <= 120_000;
                if expired || about {
                    Ok(())
                } else {
                    Err(refused(who, &problem, "an invite that is good"))
                }
            }
            other => Err(Violation::new(
                "an invite is opened, or is too old",
                format!("{other:?}"),
                who,
            )),
        }
    }

    fn accept_any(&mut self, who: usize) -> Held {
        if self.plan.crosses() && self.dice.one_in(3) {
            return self.decline(who);
        }
        let requests = self.requests(who);
        match self.dice.pick(&requests).cloned() {
            Some(request) => self.accept(who, request),
            None => Ok(()),
        }
    }

    pub(crate) fn requests(&mut self, who: usize) -> Vec<RequestView> {
        let reader = &mut self.people[who].process.as_mut().unwrap().reader;
        let mut all = reader.requests().unwrap();
        all.sort_by_key(|request| request.request);
        all
    }

    pub(crate) fn accept(
        &mut self,
        who: usize,
        RequestView {
            request,
            invite,
            arrived,
        }: RequestView,
    ) -> Held {
        self.tell(who, "accepts a request");
        match self.ask(who, Command::AcceptRequest { request })? {
            Ok(Done::Conversation { conversation }) => {
                let reader = &mut self.people[who].process.as_mut().unwrap().reader;
                let view = reader.conversation(conversation).unwrap();
                let Some(other) = self.other(&view) else {
                    return Err(Violation::new("nobody unknown gets in", "", who));
                };
                self.tell(who, format!("now talks with {}", self.name(other)));
                self.model.accepted.insert((who, other));
                let mut single = self.model.invites.iter().filter(|given| given.single_use);
                let single = single.any(|given| given.invite == invite);
                if !self.model.through.insert(invite) && single {
                    return Err(Violation::new(
                        "an invite for one lets in one",
                        self.name(other).to_owned(),
                        who,
                    ));
                }
                Ok(())
            }
            Err(problem) if problem.code == "request_invalid" => {
                // The letter's key package is kept 40 days, and may have been 30 days old.
                let old = self.people[who].clock(self.now).0.abs_diff(arrived.0) > 9 * DAY;
                self.tell(who, "is told that the request does not hold");
                if old || !self.strict() {
                    Ok(())
                } else {
                    Err(refused(who, &problem, "a request of somebody new"))
                }
            }
            other => Err(Violation::new(
                "a request is accepted, or does not hold",
                format!("{other:?}"),
                who,
            )),
        }
    }

    fn decline(&mut self, who: usize) -> Held {
        let requests = self.requests(who);
        let Some(view) = self.dice.pick(&requests).cloned() else {
            return Ok(());
        };
        self.tell(who, "declines a request");
        let request = view.request;
        self.must(who, Command::DeclineRequest { request })?;
        Ok(())
    }

    /// What can't be done is refused with its own reason, and changes nothing.
    fn nonsense(&mut self, who: usize) -> Held {
        let view = self.any_conversation(who);
        let here = view.map(|view| view.conversation);
        let nowhere = ConversationId([7; 16]);
        let text = |conversation, text: String| Command::SendText { conversation, text };
        let (command, code) = match self.dice.below(7) {
            0 => (text(nowhere, "?".into()), "conversation_unknown"),
            1 => match here {
                Some(here) => (text(here, " ".into()), "text_empty"),
                None => return Ok(()),
            },
            2 => match here {
                Some(here) => (text(here, "x".repeat(65_537)), "text_too_long"),
                None => return Ok(()),
            },
            3 => (
                Command::SetName {
                    name: "x".repeat(65),
                },
                "name_invalid",
            ),
            4 => {
                let own: Vec<_> = self
                    .model
                    .invites
                    .iter()
                    .filter(|given| given.inviter == who)
                    .map(|given| given.link.clone())
                    .collect();
                match self.dice.pick(&own) {
                    Some(link) => (Command::OpenInvite { link: link.clone() }, "invite_own"),
                    None => return Ok(()),
                }
            }
            5 => {
                let links: Vec<_> = self.model.invites.iter().map(|given| &given.link).collect();
                match self.dice.pick(&links) {
                    Some(link) => {
                        let link = link[..link.len() - 3].to_owned();
                        (Command::OpenInvite { link }, "invite_damaged")
                    }
                    None => return Ok(()),
                }
            }
            _ => (
                Command::AcceptRequest {
                    request: sotto_engine::RequestId([9; 16]),
                },
                "request_unknown",
            ),
        };
        let asked = format!("{command:?}");
        match self.ask(who, command)? {
            Err(problem) if problem.code == code => Ok(()),
            other => Err(Violation::new(
                "nonsense is refused with its reason",
                format!("{other:?} where {code} was due, for {asked:.60}"),
                who,
            )),
        }
    }
}

fn refused(who: usize, problem: &Problem, what: &str) -> Violation {
    Violation::new(
        "what can be done is done",
        format!("{} for {what:.80}", problem.code),
        who,
    )
}
