//! A chat: what is typed, what happens, what is shown.

mod commands;
mod events;
mod input;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Stdout};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sotto_client::contract::{
    AccountView, Command, ConversationId, ConversationView, MessageId, MessageView, Timestamp,
};
use sotto_client::{Events, Profile, ProfileName};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::editor::Editor;
use super::line::Line;
use super::lines::Lines;
use super::screen::{Below, RawMode, Screen};
use super::style::{Style, Tone};
use super::text;
use crate::failure::Failure;
use input::Input;

/// Messages shown when a conversation is opened.
const PAGE: u32 = 30;
/// A typing signal is believed for so long.
const TYPING_LASTS: Duration = Duration::from_secs(6);
/// One's own is repeated after so long.
const TYPING_AGAIN: Duration = Duration::from_secs(3);
/// Somebody who pressed a key so recently sees what arrives.
const ATTENTIVE: Duration = Duration::from_secs(60);

/// Goes on, or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Stay,
    Leave,
}

/// One person at one terminal.
pub(super) struct Session {
    profile: Arc<Profile>,
    name: ProfileName,
    account: AccountView,
    screen: Screen<Stdout>,
    editor: Editor,
    lines: Lines,
    views: Vec<ConversationView>,
    current: Option<ConversationId>,
    /// The conversation as the last header told it.
    headed: Option<ConversationView>,
    /// Messages of the current conversation that are on the screen or above it.
    shown: BTreeSet<MessageId>,
    /// The newest message from the other side that was shown and is not marked read.
    to_read: Option<MessageId>,
    they_type_until: Option<Instant>,
    typing_told: Option<Instant>,
    key_pressed: Instant,
    /// Why the relay is not there.
    offline: Option<String>,
}

impl Session {
    /// Reads what there is to show.
    pub(super) async fn begin(profile: Arc<Profile>, name: ProfileName) -> Result<Self, Failure> {
        let (account, views) = profile
            .read(|reader| Ok((reader.account()?, reader.conversations()?)))
            .await?;
        let size = interactive().then(crossterm::terminal::size).transpose()?;
        let style = Style::new(size.is_some());
        Ok(Self {
            profile,
            name,
            account,
            screen: Screen::new(io::stdout(), style, size),
            editor: Editor::default(),
            lines: Lines::new(TimeZone::system()),
            views,
            current: None,
            headed: None,
            shown: BTreeSet::new(),
            to_read: None,
            they_type_until: None,
            typing_told: None,
            key_pressed: Instant::now(),
            offline: None,
        })
    }

    /// Chats until the person leaves, the input ends, the profile closes, or `stop`.
    pub(super) async fn run(
        mut self,
        mut events: Events,
        stop: CancellationToken,
    ) -> Result<(), Failure> {
        let raw = if self.screen.interactive() {
            Some(RawMode::enter()?)
        } else {
            None
        };
        let mut input = Input::new(self.screen.interactive());
        let result = async {
            self.welcome().await?;
            loop {
                let typing_ends = self.they_type_until;
                let next = tokio::select! {
                    () = stop.cancelled() => Next::Leave,
                    typed = input.next() => self.take_input(typed?).await?,
                    event = events.next() => match event {
                        Some(event) if event.profile == self.name => self.take_event(&event.event).await?,
                        Some(_) => Next::Stay,
                        None => Next::Leave,
                    },
                    () = until(typing_ends) => {
                        self.they_type_until = None;
                        self.show_below()?;
                        Next::Stay
                    }
                };
                if next == Next::Leave {
                    return Ok(());
                }
            }
        };
        let result: Result<(), Failure> = result.await;
        self.screen.leave()?;
        drop(raw);
        result
    }

    async fn welcome(&mut self) -> Result<(), Failure> {
        let hello = format!("Sotto · {} · {}", self.account.name, self.name);
        let mut lines = vec![text::line(hello, Tone::Me)];
        if !self.account.recovery_code_saved {
            lines.push(text::line(
                "Your account has no recovery code on paper yet: /recovery",
                Tone::Quiet,
            ));
        }
        lines.push(text::line("/help shows what can be typed.", Tone::Quiet));
        self.say(&lines)?;
        let newest = self
            .views
            .iter()
            .max_by_key(|view| view.changed)
            .map(|view| view.conversation);
        match newest {
            Some(conversation) => self.switch_to(conversation).await?,
            None => self.say(&text::list(&[], None, |_| String::new()))?,
        }
        self.say_requests(false).await?;
        self.show_below()
    }

    /// Shows a conversation and goes on in it.
    async fn switch_to(&mut self, conversation: ConversationId) -> Result<(), Failure> {
        self.mark_read().await?;
        self.current = Some(conversation);
        self.shown.clear();
        self.they_type_until = None;
        self.lines.begin();
        self.refresh().await?;
        if let Some(view) = self.view(conversation).cloned() {
            self.head(&view)?;
        }
        self.show_new_messages().await?;
        self.show_below()
    }

    /// Says whose conversation this is, and how it stands.
    fn head(&mut self, view: &ConversationView) -> Result<(), Failure> {
        self.headed = Some(view.clone());
        self.say(&text::header(view))
    }

    /// Shows those of the newest messages that are not shown yet.
    async fn show_new_messages(&mut self) -> Result<(), Failure> {
        let Some(conversation) = self.current else {
            return Ok(());
        };
        let page = self
            .profile
            .read(move |reader| reader.messages(conversation, None, PAGE))
            .await?;
        for message in &page.messages {
            self.show_message(message).await?;
        }
        Ok(())
    }

    /// Shows a message of the current conversation, once.
    async fn show_message(&mut self, message: &MessageView) -> Result<(), Failure> {
        use sotto_client::contract::Author;
        if !self.shown.insert(message.message) {
            return Ok(());
        }
        if let Some(day) = self.lines.day(message, now()) {
            self.say(&[day])?;
        }
        let name = self
            .view(message.conversation)
            .map(text::title)
            .unwrap_or_default();
        let lines = self.lines.message(message, &name);
        self.screen.print_message(message, &lines, &self.editor)?;
        if message.author == Author::Them {
            self.to_read = Some(message.message);
            if !self.screen.interactive() || self.key_pressed.elapsed() < ATTENTIVE {
                self.mark_read().await?;
            }
        }
        Ok(())
    }

    /// Tells the other side, if receipts are on, that what was shown is read.
    async fn mark_read(&mut self) -> Result<(), Failure> {
        if let (Some(conversation), Some(message)) = (self.current, self.to_read.take()) {
            let command = Command::MarkRead {
                conversation,
                message,
            };
            // It is tried again with the next message; nothing to trouble anybody with.
            let _ = self.profile.command(command).await;
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        self.views = self.profile.read(|reader| reader.conversations()).await?;
        Ok(())
    }

    fn view(&self, conversation: ConversationId) -> Option<&ConversationView> {
        self.views
            .iter()
            .find(|view| view.conversation == conversation)
    }

    fn current_view(&self) -> Option<&ConversationView> {
        self.current
            .and_then(|conversation| self.view(conversation))
    }

    fn say(&mut self, lines: &[Line]) -> Result<(), Failure> {
        Ok(self.screen.print(lines, &self.editor)?)
    }

    fn say_line(&mut self, words: &str, tone: Tone) -> Result<(), Failure> {
        self.say(&[text::line(words, tone)])
    }

    fn show_below(&mut self) -> Result<(), Failure> {
        let mut below = Below::default();
        match self.current_view() {
            Some(view) => {
                let shape: String = shield_shape(view).into();
                below.prompt.push((text::title(view), Tone::Them));
                below.prompt.push((shape, Tone::Shield(view.shield)));
                below.prompt.push(("› ".into(), Tone::Quiet));
                if self.they_type_until.is_some() {
                    below.status = Some(format!("{} is typing …", text::title(view)));
                }
            }
            None => below.prompt.push(("sotto › ".into(), Tone::Quiet)),
        }
        if let Some(offline) = &self.offline {
            below.status = Some(offline.clone());
        }
        Ok(self.screen.set_below(below, &self.editor)?)
    }
}

fn shield_shape(view: &ConversationView) -> &'static str {
    use sotto_client::contract::Shield;
    match view.shield {
        Shield::Verified => " ◆ ",
        Shield::Encrypted => " ◇ ",
        Shield::NotProtected => " ✕ ",
    }
}

/// Is there a person who types and looks?
fn interactive() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
