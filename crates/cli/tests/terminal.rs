//! `sotto chat` in a real terminal: tmux keeps the screen, and the test reads it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{PASSPHRASE, Person, Relay};
use serde_json::json;

/// A terminal of 80 by 24 in a tmux of its own.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Starts `sotto` with these arguments. File 3 holds the passphrase.
    fn start(name: &str, folder: &Path, arguments: &str, environment: &str) -> Self {
        let found = Command::new("tmux").arg("-V").output().is_ok();
        assert!(found, "tmux is missing: apt-get install tmux");
        let socket = format!("sotto-test-{name}-{}", std::process::id());
        let passphrase = folder.join(format!("passphrase-{name}"));
        std::fs::write(&passphrase, format!("{PASSPHRASE}\n")).unwrap();
        let program = env!("CARGO_BIN_EXE_sotto");
        let line = format!(
            "env -u SOTTO_DATA -u SOTTO_RELAY {environment} '{program}' {arguments} 3<'{}'; \
             echo \"ended with $?\"; sleep 100",
            passphrase.display()
        );
        let terminal = Self { socket };
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            &line,
        ]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn typed(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn enter(&self, text: &str) {
        self.typed(text);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// What the screen shows, with what has scrolled away above it.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-200"])
    }

    /// Waits until the screen fits.
    fn until(&self, what: &str, mut fits: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let screen = self.screen();
            if fits(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "no {what} on the screen:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn shows(&self, text: &str) -> String {
        self.until(text, |screen| {
            screen.contains(text) || unbroken(screen).contains(text)
        })
    }
}

/// The words of a screen, wherever its lines were broken.
fn unbroken(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command
            .args(["-L", &self.socket, "kill-server"])
            .env_remove("TMUX")
            .output();
    }
}

#[test]
fn a_first_chat_at_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let relay_data = folder.path().join("relay");
    let relay = Relay::start(&relay_data);
    let mut bob = Person::create("bob", folder.path(), &relay.address);
    let data = folder.path().join("alice");

    // The first run asks for nothing but a name.
    let arguments = format!(
        "chat --data '{}' --relay '{}' --passphrase-fd 3",
        data.display(),
        relay.address
    );
    let alice = Terminal::start("alice", folder.path(), &arguments, "TZ=UTC");
    alice.shows("Your name, as your contacts will see it:");
    alice.enter("Alice");
    alice.shows("No conversation yet.");
    alice.enter("/help");
    alice.shows("/open LINK");

    // She invites Bob, who opens the invite; she lets him in.
    alice.enter("/invite");
    let screen = alice.until("link", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with("https://127.0.0.1:") && line.len() > 150)
    });
    let link = screen
        .lines()
        .find(|line| line.starts_with("https://"))
        .unwrap()
        .trim();
    let opened = bob.ok("open_invite", json!({ "link": link }));
    let conversation = opened["conversation"].clone();
    alice.shows("Somebody opened your invite");
    alice.enter("/accept");
    alice.shows("── bob ◇ Encrypted, not verified ──");

    // They talk. Her mark turns from stored to delivered to read, in its place.
    alice.enter("Hello Bob!");
    assert_eq!(bob.hear(), "Hello Bob!");
    alice.shows("✓✓ you: Hello Bob!");
    let page = bob.ok(
        "messages",
        json!({ "conversation": conversation, "limit": 1 }),
    );
    let read = json!({ "conversation": conversation, "message": page["messages"][0]["message"] });
    bob.ok("mark_read", read);
    let screen = alice.shows("✔✔ you: Hello Bob!");
    assert_eq!(screen.matches("Hello Bob!").count(), 1, "{screen}");

    // Bob types, and it shows until his message comes.
    bob.ok(
        "typing",
        json!({ "conversation": conversation, "typing": true }),
    );
    alice.shows("bob is typing …");
    bob.say(&conversation, "Hi Alice,\nhow are you?");
    let screen = alice.until("message without typing line", |screen| {
        screen.contains("bob: Hi Alice,") && !screen.contains("is typing")
    });
    assert!(screen.contains("\n         how are you?"), "{screen}");

    // A message can't touch the terminal.
    bob.say(
        &conversation,
        "\u{1b}[2J\u{1b}[31mred\u{7} \u{202e}desrever\u{9b}H",
    );
    let screen = alice.shows("desrever");
    assert!(
        screen.contains("bob: \u{fffd}[2J\u{fffd}[31mred\u{fffd} desrever\u{fffd}H"),
        "{screen}"
    );
    assert!(screen.contains("Hello Bob!"));

    // What is being typed survives what arrives.
    alice.typed("half a sen");
    bob.say(&conversation, "Meanwhile…");
    alice.until("message above the prompt", |screen| {
        let lines: Vec<_> = screen.trim_end().lines().collect();
        lines.len() > 1
            && lines[lines.len() - 1].contains("› half a sen")
            && lines[lines.len() - 2].contains("bob: Meanwhile…")
    });
    alice.enter("tence");
    assert_eq!(bob.hear(), "half a sentence");

    // How it crossed the network, and what protects it.
    alice.enter("/sent");
    let screen = alice.shows("/sent all shows all of it.");
    assert!(screen.contains("  gAAAAA") && screen.contains("which is all that the relay saw"));
    alice.enter("/details");
    alice.shows("SOTTO_128_XWING_FERNET_SHA256_Ed25519");
    alice.enter("/verify yes");
    alice.shows("── bob ◆ Verified ──");

    // The relay goes away and comes back; nothing is lost.
    let (listen, address) = (relay.listen(), relay.address.clone());
    drop(relay);
    alice.shows("will be sent when the connection is back.");
    alice.enter("Are you there?");
    alice.shows("⏱  you: Are you there?");
    let relay = Relay::start_at(&relay_data, &listen);
    assert_eq!(relay.address, address);
    bob.ok("reconnect_relays", json!({}));
    assert_eq!(bob.hear(), "Are you there?");
    alice.shows("✓✓ you: Are you there?");
    alice.shows("The relay is back.");

    // She leaves, and finds everything where it was.
    alice.enter("/quit");
    alice.shows("ended with 0");
    drop(alice);
    let again = Terminal::start("again", folder.path(), &arguments, "TZ=UTC NO_COLOR=1");
    let screen = again.shows("you: Are you there?");
    assert!(
        screen.contains("── bob ◆ Verified ──") && screen.contains("Today, "),
        "{screen}"
    );
    let with_escapes = again.tmux(&["capture-pane", "-p", "-e"]);
    assert!(
        !with_escapes.contains("\u{1b}["),
        "no colours were wanted: {with_escapes:?}"
    );
    again.tmux(&["send-keys", "C-c"]);
    again.shows("ended with 0");
}

#[test]
fn the_window_changes_its_size_and_long_lines_are_broken_between_words() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let data = folder.path().join("alice");
    let arguments = format!(
        "chat --data '{}' --name Alice --relay '{}' --passphrase-fd 3",
        data.display(),
        relay.address
    );
    let alice = Terminal::start("size", folder.path(), &arguments, "TZ=UTC");
    alice.shows("No conversation yet.");
    alice.tmux(&["resize-window", "-x", "40", "-y", "12"]);
    // The program hears of its window by a signal, which may come behind what is typed.
    let mut again = Instant::now();
    alice.until("broken line", |screen| {
        let broken = screen
            .lines()
            .any(|line| line == "/dance is nothing that can be done here.");
        if !broken && Instant::now() >= again {
            again = Instant::now() + Duration::from_millis(500);
            alice.enter("/dance");
        }
        broken
    });
    alice.until("prompt", |screen| {
        unbroken(screen)
            .trim_end()
            .ends_with("/help shows what can. sotto ›")
    });
    // A line that is longer than the window scrolls inside the prompt.
    alice.typed(&"word ".repeat(30));
    alice.typed("end");
    alice.until("end of a long line", |screen| {
        screen.trim_end().ends_with("word end")
    });
    alice.tmux(&["send-keys", "Home"]);
    alice.until("beginning of a long line", |screen| {
        screen.contains("sotto › word word")
    });
    alice.tmux(&["send-keys", "C-c"]);
    alice.tmux(&["send-keys", "C-c"]);
    alice.shows("ended with 0");
}
