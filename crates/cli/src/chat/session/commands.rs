//! What was typed, and what is done about it.

use crossterm::event::{Event, KeyEventKind};
use sotto_client::contract::{Body, Command, Done, Problem};
use tokio::time::Instant;

use super::input::Got;
use super::{Next, PAGE, Session, TYPING_AGAIN, text};
use crate::chat::command::{Typed as Line, parse};
use crate::chat::editor::Typed;
use crate::chat::style::Tone;
use crate::failure::Failure;

/// How long an invite made here is good, in seconds: a week.
const INVITE_SECONDS: u64 = 7 * 24 * 3600;

impl Session {
    pub(super) async fn take_input(&mut self, got: Got) -> Result<Next, Failure> {
        // Where a key and a change of the window come at once, crossterm tells of the key alone: it leaves
        // what its edge-triggered poll had said of the signal.
        if let Got::Key(Event::Key(_)) = got
            && let Ok((columns, rows)) = crossterm::terminal::size()
        {
            self.screen.resize(columns, rows, &self.editor)?;
        }
        let typed = match got {
            Got::End => return Ok(Next::Leave),
            Got::Line(line) => return self.take_line(&line).await,
            Got::Key(Event::Resize(columns, rows)) => {
                self.screen.resize(columns, rows, &self.editor)?;
                return Ok(Next::Stay);
            }
            Got::Key(Event::Key(key)) if key.kind != KeyEventKind::Release => self.editor.key(key),
            Got::Key(Event::Paste(text)) => self.editor.paste(&text),
            Got::Key(_) => return Ok(Next::Stay),
        };
        self.key_pressed = Instant::now();
        self.mark_read().await?;
        match typed {
            Typed::Nothing => {}
            Typed::Changed => {
                self.screen.redraw(&self.editor)?;
                self.tell_typing().await;
            }
            Typed::Line(line) => {
                self.screen.redraw(&self.editor)?;
                return self.take_line(&line).await;
            }
            Typed::Leave => return Ok(Next::Leave),
        }
        Ok(Next::Stay)
    }

    /// Lets the other side see that a message is being typed; never about commands.
    async fn tell_typing(&mut self) {
        let Some(conversation) = self.current else {
            return;
        };
        let typing = !self.editor.text().is_empty() && !self.editor.text().starts_with('/');
        let told = self
            .typing_told
            .is_some_and(|at| at.elapsed() < TYPING_AGAIN);
        if typing == told {
            return;
        }
        if !typing && self.typing_told.is_none() {
            return;
        }
        self.typing_told = typing.then(Instant::now);
        // A signal that does not get through is no loss.
        let _ = self
            .profile
            .command(Command::Typing {
                conversation,
                typing,
            })
            .await;
    }

    async fn take_line(&mut self, line: &str) -> Result<Next, Failure> {
        let typed = parse(line);
        if typed == Line::Quit {
            return Ok(Next::Leave);
        }
        match self.carry_out(typed).await {
            Ok(()) => {}
            Err(Trouble::Told(problem)) => self.say(&text::problem(&problem))?,
            Err(Trouble::Fatal(failure)) => return Err(failure),
        }
        Ok(Next::Stay)
    }

    async fn carry_out(&mut self, typed: Line<'_>) -> Result<(), Trouble> {
        match typed {
            Line::Empty | Line::Quit => {}
            Line::Text(text) => self.send(text).await?,
            Line::Help => self.say(&text::help())?,
            Line::Unknown(word) => {
                let words =
                    format!("{word} is nothing that can be done here. /help shows what can.");
                self.say_line(&words, Tone::App)?;
            }
            Line::Misused(usage) => {
                self.say_line(&format!("Type it like this: {usage}"), Tone::App)?
            }
            Line::Invite => self.invite().await?,
            Line::Open(link) => self.open(link).await?,
            Line::Requests => self.say_requests(true).await?,
            Line::Accept(number) => self.answer(number, true).await?,
            Line::Decline(number) => self.answer(number, false).await?,
            Line::Sent { whole } => self.sent(whole).await?,
            Line::Verify(verified) => self.verify(verified).await?,
            Line::Details => self.details().await?,
            Line::Read => self.read_all().await?,
            Line::Receipts(on) => self.receipts(on).await?,
            Line::Name(name) => self.rename(name).await?,
            Line::Recovery { saved } => self.recovery(saved).await?,
            Line::List => self.list().await?,
            Line::Switch(what) => self.switch(what).await?,
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), Trouble> {
        let conversation = self.here()?;
        // The message ends the typing by itself at the other side.
        self.typing_told = None;
        self.profile
            .command(Command::SendText { conversation, text })
            .await?;
        Ok(())
    }

    async fn invite(&mut self) -> Result<(), Trouble> {
        let command = Command::CreateInvite {
            single_use: true,
            lifetime_seconds: INVITE_SECONDS,
        };
        if let Done::Invite { link, .. } = self.profile.command(command).await? {
            self.say(&text::invite(&link))?;
        }
        Ok(())
    }

    async fn open(&mut self, link: &str) -> Result<(), Trouble> {
        let command = Command::OpenInvite {
            link: link.to_owned(),
        };
        if let Done::Conversation { conversation } = self.profile.command(command).await? {
            self.switch_to(conversation).await?;
        }
        Ok(())
    }

    /// Lists who asks to talk. Unless asked for, silent when there is nobody.
    pub(super) async fn say_requests(&mut self, asked: bool) -> Result<(), Failure> {
        let now = super::now();
        let (requests, invites) = self
            .profile
            .read(move |reader| Ok((reader.requests()?, reader.invites(now)?)))
            .await?;
        let mut lines = Vec::new();
        for (index, request) in requests.iter().enumerate() {
            let when = self.lines.day_and_time(request.arrived);
            let words = format!(
                "{:>3}  asked {when}. /accept {0} or /decline {0}",
                index + 1
            );
            lines.push(text::line(words, Tone::App));
        }
        if asked {
            if requests.is_empty() {
                lines.push(text::line("Nobody asks to talk at the moment.", Tone::App));
            }
            lines.extend(text::open_invites(&invites));
        }
        self.say(&lines)
    }

    async fn answer(&mut self, number: Option<usize>, accept: bool) -> Result<(), Trouble> {
        let requests = self.profile.read(|reader| reader.requests()).await?;
        let at = number.unwrap_or(1).saturating_sub(1);
        let Some(request) = requests.get(at).map(|view| view.request) else {
            self.say_line("There is no such request. /requests lists them.", Tone::App)?;
            return Ok(());
        };
        if !accept {
            self.profile
                .command(Command::DeclineRequest { request })
                .await?;
            self.say_line("Declined. They are told nothing.", Tone::App)?;
            return Ok(());
        }
        let done = self
            .profile
            .command(Command::AcceptRequest { request })
            .await?;
        if let Done::Conversation { conversation } = done
            && self.current != Some(conversation)
        {
            self.switch_to(conversation).await?;
        }
        Ok(())
    }

    async fn sent(&mut self, whole: bool) -> Result<(), Trouble> {
        let conversation = self.here()?;
        let page = self
            .profile
            .read(move |r| r.messages(conversation, None, PAGE))
            .await?;
        let is_text = |message: &&sotto_client::contract::MessageView| {
            matches!(message.body, Body::Text { .. })
        };
        let Some(message) = page.messages.iter().rev().find(is_text).cloned() else {
            self.say_line("There is no message here yet.", Tone::App)?;
            return Ok(());
        };
        let id = message.message;
        let sent = self.profile.read(move |reader| reader.sent_as(id)).await?;
        self.say(&text::sent(&message, &sent, whole))?;
        Ok(())
    }

    async fn verify(&mut self, verified: Option<bool>) -> Result<(), Trouble> {
        let conversation = self.here()?;
        if let Some(verified) = verified {
            self.profile
                .command(Command::SetVerified {
                    conversation,
                    verified,
                })
                .await?;
            return Ok(());
        }
        let details = self
            .profile
            .read(move |reader| reader.details(conversation))
            .await?;
        if details.safety_number.is_empty() {
            self.say_line("The other side is not known yet.", Tone::App)?;
            return Ok(());
        }
        let mut lines = vec![text::line(
            "Compare these digits with theirs, in person or in a call where you know the voice:",
            Tone::App,
        )];
        lines.extend(text::safety_number(&details.safety_number));
        lines.push(text::line(
            "Are they the same? /verify yes, or else /verify no",
            Tone::App,
        ));
        self.say(&lines)?;
        Ok(())
    }

    async fn details(&mut self) -> Result<(), Trouble> {
        let conversation = self.here()?;
        let read = move |reader: &mut sotto_client::Reader| {
            Ok((
                reader.details(conversation)?,
                reader.conversation(conversation)?,
            ))
        };
        let (details, view) = self.profile.read(read).await?;
        self.say(&text::details(&details, &view, |at| {
            self.lines.day_and_time(at)
        }))?;
        Ok(())
    }

    async fn read_all(&mut self) -> Result<(), Trouble> {
        let conversation = self.here()?;
        let page = self
            .profile
            .read(move |reader| reader.messages(conversation, None, 1))
            .await?;
        if let Some(message) = page.messages.last().map(|message| message.message) {
            self.profile
                .command(Command::MarkRead {
                    conversation,
                    message,
                })
                .await?;
        }
        self.to_read = None;
        self.say_line("Everything here is marked as read.", Tone::App)?;
        Ok(())
    }

    async fn receipts(&mut self, on: Option<bool>) -> Result<(), Trouble> {
        if let Some(on) = on {
            self.profile.command(Command::SetReceipts { on }).await?;
        }
        self.account = self.profile.read(|reader| reader.account()).await?;
        let words = if self.account.receipts {
            "Receipts are on: you and they see what was delivered and read."
        } else {
            "Receipts are off: neither you nor they see what was delivered and read."
        };
        self.say_line(words, Tone::App)?;
        Ok(())
    }

    async fn rename(&mut self, name: &str) -> Result<(), Trouble> {
        self.profile
            .command(Command::SetName {
                name: name.to_owned(),
            })
            .await?;
        self.account = self.profile.read(|reader| reader.account()).await?;
        let words = format!("You are {} now.", self.account.name);
        self.say_line(&words, Tone::App)?;
        Ok(())
    }

    async fn recovery(&mut self, saved: bool) -> Result<(), Trouble> {
        if saved {
            self.profile.command(Command::RecoveryCodeSaved).await?;
            self.say_line("Good. This device has forgotten the words.", Tone::App)?;
            return Ok(());
        }
        match self.profile.read(|reader| reader.recovery_code()).await? {
            Some(words) => self.say(&text::recovery(&words))?,
            None => self.say_line(
                "The words are written down already, and this device has forgotten them.",
                Tone::App,
            )?,
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<(), Trouble> {
        self.refresh().await?;
        let current = self
            .views
            .iter()
            .position(|view| Some(view.conversation) == self.current);
        let lines = text::list(&self.views, current, |view| {
            self.lines.day_and_time(view.changed)
        });
        self.say(&lines)?;
        Ok(())
    }

    async fn switch(&mut self, what: &str) -> Result<(), Trouble> {
        self.refresh().await?;
        let wanted = what.to_lowercase();
        let by_number = what
            .parse::<usize>()
            .ok()
            .and_then(|number| self.views.get(number.checked_sub(1)?));
        let by_name = || {
            self.views
                .iter()
                .find(|view| text::title(view).to_lowercase().starts_with(&wanted))
        };
        match by_number.or_else(by_name).map(|view| view.conversation) {
            Some(conversation) => self.switch_to(conversation).await?,
            None => self.say_line(
                "There is no such conversation. /list shows them.",
                Tone::App,
            )?,
        }
        Ok(())
    }

    /// The conversation that is open.
    fn here(&self) -> Result<sotto_client::contract::ConversationId, Trouble> {
        self.current.ok_or_else(|| {
            Trouble::Told(Problem {
                code: "no_conversation".into(),
                happened: "No conversation is open.".into(),
                safe: "Nothing was sent.".into(),
                next: "/list shows your conversations; /invite and /open begin one.".into(),
            })
        })
    }
}

/// A command that did not work: told and gone on, or the end.
enum Trouble {
    Told(Problem),
    Fatal(Failure),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}
