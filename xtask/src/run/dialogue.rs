//! Without a terminal: a short dialogue between the two, told from both sides.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::project;

use super::people::Person;
use super::relay::Relay;
use super::rpc::text;

/// Where the words come from: real conversations, of which the first is played.
const CONVERSATIONS: &str = "tests/data/conversations.jsonl";

/// How many messages of it.
const MESSAGES: usize = 8;

/// How much of a token is shown.
const SHOWN_CHARACTERS: usize = 100;

pub(super) fn play(mut alice: Person, mut bob: Person, relay: &Relay) -> Result<(), Failure> {
    let script = script()?;
    println!("There is no terminal to type in, so they have a short talk by themselves.\n");
    let mut last = String::new();
    for (from, words) in &script {
        let (speaker, listener) = if from == "alice" {
            (&mut alice, &mut bob)
        } else {
            (&mut bob, &mut alice)
        };
        let message = speaker.say(words)?;
        let heard = listener.hear()?;
        println!("{:>6} types  {words}", speaker.name());
        println!("{:>6} reads  {heard}", listener.name());
        if heard != *words {
            return Err(Failure::check("what was read is not what was typed"));
        }
        if from == "alice" {
            last = message;
        }
    }

    let sent = alice.sent_as(&last)?;
    let token: String = text(&sent, "/token")
        .chars()
        .take(SHOWN_CHARACTERS)
        .collect();
    let size = sent
        .get("envelope_size")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    println!("\nAlice's last message crossed the network as the Fernet token");
    println!("  {token}...");
    println!(
        "inside an MLS message, inside a sealed envelope of {size} bytes, which is what the relay saw."
    );

    let (bytes, found) = search(relay.data(), &script);
    if let Some(words) = found {
        return Err(Failure::check(format!(
            "the relay's disk holds what was said: {words}"
        )));
    }
    println!(
        "The relay's {bytes} bytes on disk hold none of the {} texts.",
        script.len()
    );
    drop((alice.leave()?, bob.leave()?));
    println!(
        "\n{0} sent, {0} arrived, in order. Everything has been ended and removed.",
        script.len()
    );
    Ok(())
}

/// The first messages of the first real conversation.
fn script() -> Result<Vec<(String, String)>, Failure> {
    let file = project::read(CONVERSATIONS)?;
    let first: Value = serde_json::from_str(file.lines().next().unwrap_or_default())
        .map_err(|error| Failure::check(format!("{CONVERSATIONS}: {error}")))?;
    let messages = first
        .get("messages")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let lines = messages.iter().take(MESSAGES);
    Ok(lines
        .map(|message| {
            (
                text(message, "/from").to_owned(),
                text(message, "/text").to_owned(),
            )
        })
        .collect())
}

/// Bytes of all files below `folder`, and the first text found in them.
fn search<'a>(folder: &Path, script: &'a [(String, String)]) -> (usize, Option<&'a str>) {
    let mut bytes = 0;
    let mut found = None;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let (more, hit) = if path.is_dir() {
            search(&path, script)
        } else {
            let content = std::fs::read(&path).unwrap_or_default();
            let holds = |words: &str| {
                !words.is_empty()
                    && content
                        .windows(words.len())
                        .any(|window| window == words.as_bytes())
            };
            (
                content.len(),
                script
                    .iter()
                    .map(|(_, words)| words.as_str())
                    .find(|words| holds(words)),
            )
        };
        bytes += more;
        found = found.or(hit);
    }
    (bytes, found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use crate::run::folder::Throwaway;

    #[test]
    fn the_script_is_a_real_conversation_of_two() {
        let script = script().unwrap();
        assert_eq!(script.len(), MESSAGES);
        assert!(script.iter().any(|(from, _)| from == "alice"));
        assert!(script.iter().any(|(from, _)| from == "bob"));
        assert!(script.iter().all(|(_, words)| !words.is_empty()));
    }

    #[test]
    fn the_search_finds_what_lies_open_in_any_folder() {
        let folder = Throwaway::new().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("store"), b"..see you at noon..").unwrap();
        let script = [("alice".to_owned(), "see you at noon".to_owned())];
        assert_eq!(search(folder.path(), &script).1, Some("see you at noon"));
        let other = [("alice".to_owned(), "see you at ten".to_owned())];
        assert_eq!(search(folder.path(), &other).1, None);
    }
}
