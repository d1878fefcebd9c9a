//! Alice and Bob, each with a client runtime of their own, and the relay between them.
#![allow(dead_code, reason = "each program uses a part of them")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sotto_client::contract::{ProfileEvent, RelayState};
use sotto_client::{Events, Host, HostConfig, NewAccount, Profile, Protection, Timing};
use sotto_engine::{Body, Command, ConversationId, ConversationState, Done, Event};
use sotto_relay::{Config, Relay};
use tokio_util::sync::CancellationToken;

pub struct Person {
    host: Host,
    pub profile: Arc<Profile>,
    events: Events,
}

/// Where a person's profiles are, and how the key is kept.
pub struct Home {
    pub data: PathBuf,
    pub protection: Protection,
}

pub struct Meeting {
    pub alice: Person,
    pub bob: Person,
    /// Alice's name of the conversation.
    pub conversation: ConversationId,
    /// Bob's.
    pub bobs: ConversationId,
    relay: std::thread::JoinHandle<()>,
    stop: CancellationToken,
}

impl Home {
    fn throwaway(folder: &Path, name: &str) -> Self {
        Self {
            data: folder.join(name),
            protection: Protection::Memory,
        }
    }
}

impl Person {
    async fn new(home: Home, name: &str, relay: &str, stop: &CancellationToken) -> Self {
        let Home { data, protection } = home;
        let config = HostConfig {
            data,
            timing: Timing::default(),
        };
        let host = Host::new(config, stop.child_token());
        let events = host.events();
        let account = NewAccount {
            name: name.into(),
            relay: relay.into(),
            device_name: "laptop".into(),
        };
        let name = name.parse().unwrap();
        let profile = host.create(&name, account, protection).await.unwrap();
        let mut person = Self {
            host,
            profile,
            events,
        };
        while !person.is_connected() {
            person.event().await;
        }
        person
    }

    fn is_connected(&self) -> bool {
        let relays = self.profile.relays();
        relays
            .iter()
            .any(|relay| relay.state == RelayState::Connected)
    }

    async fn event(&mut self) -> ProfileEvent {
        let next = tokio::time::timeout(Duration::from_secs(60), self.events.next()).await;
        let published = next.expect("nothing happens any more").unwrap();
        published.event.clone()
    }

    async fn until<T>(&mut self, mut found: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            if let ProfileEvent::Engine(event) = self.event().await
                && let Some(found) = found(&event)
            {
                return found;
            }
        }
    }

    /// The next text that is added to the history, by whomever.
    pub async fn text(&mut self) -> String {
        loop {
            match self.event().await {
                ProfileEvent::Engine(Event::MessageAdded { message }) => {
                    if let Body::Text { text } = message.body {
                        return text;
                    }
                }
                ProfileEvent::Engine(_) => {}
                // Whoever misses an event here would wait for ever.
                ProfileEvent::Host(host) => assert!(!format!("{host:?}").contains("Missed")),
            }
        }
    }

    /// Forgets what has happened so far.
    pub async fn forget_events(&mut self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.events = self.host.events();
    }
}

impl Meeting {
    /// Two people who have met through an invite, with everything of theirs under `folder`.
    pub async fn new(folder: &Path) -> Self {
        Self::at(folder, Home::throwaway(folder, "alice")).await
    }

    /// The same, with Alice's profile in a place of its own.
    pub async fn at(folder: &Path, alices: Home) -> Self {
        let stop = CancellationToken::new();
        let (relay, address) = relay(folder, stop.clone());
        let bobs = Home::throwaway(folder, "bob");
        let mut alice = Person::new(alices, "alice", &address, &stop).await;
        let mut bob = Person::new(bobs, "bob", &address, &stop).await;
        let invite = Command::CreateInvite {
            single_use: true,
            lifetime_seconds: 3600,
        };
        let Done::Invite { link, .. } = alice.profile.command(invite).await.unwrap() else {
            panic!("no invite")
        };
        // The relay has to know of the invite before Bob comes.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let open = Command::OpenInvite { link };
        bob.profile.command(open).await.unwrap();
        let request = alice
            .until(|event| match event {
                Event::RequestArrived { request } => Some(request.request),
                _ => None,
            })
            .await;
        let accept = Command::AcceptRequest { request };
        let Done::Conversation { conversation } = alice.profile.command(accept).await.unwrap()
        else {
            panic!("no conversation")
        };
        let bobs = bob
            .until(|event| match event {
                Event::ConversationChanged { conversation } => {
                    let active = conversation.state == ConversationState::Active;
                    active.then_some(conversation.conversation)
                }
                _ => None,
            })
            .await;
        // Introductions and receipts go to and fro.
        tokio::time::sleep(Duration::from_secs(2)).await;
        bob.forget_events().await;
        Self {
            alice,
            bob,
            conversation,
            bobs,
            relay,
            stop,
        }
    }

    pub fn say(&self, text: String) -> Command {
        Command::SendText {
            conversation: self.conversation,
            text,
        }
    }

    /// Closes everything; nothing of it runs any more when this returns.
    pub async fn end(self) {
        self.alice.host.close().await;
        self.bob.host.close().await;
        self.stop.cancel();
        tokio::task::spawn_blocking(|| self.relay.join().unwrap())
            .await
            .unwrap();
    }
}

/// A relay as its program runs it: a runtime of its own, TLS, a certificate of its own.
fn relay(folder: &Path, stop: CancellationToken) -> (std::thread::JoinHandle<()>, String) {
    let config = Config::new(folder.join("relay"));
    let (say, hear) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let relay = Relay::bind(config, listener).unwrap();
            say.send(relay.address().to_string()).unwrap();
            relay.run(stop.cancelled_owned()).await;
        });
    });
    (thread, hear.recv().unwrap())
}
