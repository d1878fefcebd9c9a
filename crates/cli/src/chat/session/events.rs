//! What happened, and what is shown of it.

use sotto_client::contract::{
    Author, ConversationState, Delivery, Event, HostEvent, ProfileEvent, RelayState, RelayStatus,
};
use tokio::time::Instant;

use super::{Next, Session, TYPING_LASTS, text};
use crate::chat::style::Tone;
use crate::failure::Failure;

impl Session {
    pub(super) async fn take_event(&mut self, event: &ProfileEvent) -> Result<Next, Failure> {
        match event {
            ProfileEvent::Engine(event) => self.take_engine_event(event).await?,
            // It is open before this session begins.
            ProfileEvent::Host(HostEvent::Opened {}) => {}
            ProfileEvent::Host(HostEvent::Relay(status)) => self.take_relay(status)?,
            ProfileEvent::Host(HostEvent::Storage {
                problem: Some(problem),
            }) => {
                self.say(&text::problem(problem))?;
            }
            ProfileEvent::Host(HostEvent::Storage { problem: None }) => {
                self.say_line("What arrives can be stored again.", Tone::App)?;
            }
            ProfileEvent::Host(HostEvent::Missed {}) => {
                self.refresh().await?;
                self.show_new_messages().await?;
                self.show_below()?;
            }
            ProfileEvent::Host(HostEvent::Closed { problem }) => {
                if let Some(problem) = problem {
                    self.say(&text::problem(problem))?;
                }
                return Ok(Next::Leave);
            }
        }
        Ok(Next::Stay)
    }

    async fn take_engine_event(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::MessageAdded { message } if Some(message.conversation) == self.current => {
                if message.author == Author::Them {
                    self.they_type_until = None;
                    self.show_below()?;
                }
                self.show_message(message).await?;
            }
            Event::MessageAdded { message } if message.author == Author::Them => {
                self.refresh().await?;
                let at = self
                    .views
                    .iter()
                    .position(|view| view.conversation == message.conversation);
                let name = self
                    .view(message.conversation)
                    .map(text::title)
                    .unwrap_or_default();
                let number = at.map_or(0, |at| at + 1);
                let words = format!(
                    "{name} writes: {}  (/switch {number})",
                    text::preview(message)
                );
                self.say_line(&words, Tone::Quiet)?;
            }
            Event::MessageAdded { .. } => {}
            Event::MessageChanged { message } if Some(message.conversation) == self.current => {
                if message.delivery == Delivery::Queued {
                    // From a conversation that is halted: it stands on no screen yet.
                    self.show_message(message).await?;
                }
                self.screen.change(message)?;
            }
            Event::MessageChanged { .. } => {}
            Event::Marks {
                conversation,
                delivered,
                read,
            } => {
                if Some(*conversation) == self.current {
                    self.screen.reached(*delivered, *read)?;
                }
            }
            Event::ConversationChanged { conversation } => {
                self.refresh().await?;
                // Compared with what was said, not with what was read: another event's reading may
                // have taken the change already.
                let news = self.headed.as_ref().is_none_or(|said| {
                    (said.state, said.shield) != (conversation.state, conversation.shield)
                        || (&said.name, &said.trouble)
                            != (&conversation.name, &conversation.trouble)
                });
                if self.current.is_none() && conversation.state != ConversationState::Opening {
                    self.switch_to(conversation.conversation).await?;
                } else if news && self.current == Some(conversation.conversation) {
                    self.head(conversation)?;
                    self.show_below()?;
                }
            }
            Event::Typing {
                conversation,
                typing,
            } if Some(*conversation) == self.current => {
                self.they_type_until = typing.then(|| Instant::now() + TYPING_LASTS);
                self.show_below()?;
            }
            Event::Typing { .. } => {}
            Event::RequestArrived { .. } => {
                let words = "Somebody opened your invite and asks to talk. /accept lets them in, /decline does not.";
                self.say_line(words, Tone::App)?;
            }
            Event::RequestGone { .. } | Event::InviteEnded { .. } => {}
            Event::InviteFailed {
                conversation,
                gone,
                problem,
            } => {
                self.say(&text::problem(problem))?;
                if *gone && self.current == Some(*conversation) {
                    self.current = None;
                }
                self.refresh().await?;
                self.show_below()?;
            }
        }
        Ok(())
    }

    fn take_relay(&mut self, status: &RelayStatus) -> Result<(), Failure> {
        let was_offline = self.offline.is_some();
        match (status.state, &status.problem) {
            (RelayState::Connected, _) => self.offline = None,
            (RelayState::Offline, Some(problem)) => {
                let words = format!("{} {}", problem.happened, problem.next);
                if !was_offline {
                    self.say(&text::problem(problem))?;
                }
                self.offline = Some(crate::chat::clean::line(&words));
            }
            _ => {}
        }
        if was_offline && self.offline.is_none() {
            self.say_line("The relay is back.", Tone::App)?;
        }
        self.show_below()
    }
}
