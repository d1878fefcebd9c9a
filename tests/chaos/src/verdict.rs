//! What is wrong once everything is quiet: nothing may be.

use serde_json::{Value, json};
use sotto_tests::{Failure, Heard, History};

use crate::talker::{Talker, name, title};

/// What a person said and has in a conversation.
#[derive(Clone, Debug)]
struct Side {
    name: &'static str,
    /// What the client has taken, in order.
    said: Vec<String>,
    history: History,
    /// Texts of the other's that were not read.
    unread: usize,
}

impl Side {
    fn of(talker: &mut Talker, with: usize) -> Result<Self, Failure> {
        let Some(talk) = talker.talks.iter().find(|talk| talk.with == with) else {
            return Err(Failure::Broken("nobody talks there".to_owned()));
        };
        talker.person.turn_to(&talk.conversation);
        let history = History::read(&mut talker.person)?;
        let which = json!({ "conversation": talker.person.conversation() });
        let view = talker.person.call("conversation", which)?;
        let unread = view.get("unread").and_then(Value::as_u64);
        Ok(Self {
            name: name(talker.who),
            said: talk.said.clone(),
            history,
            unread: usize::try_from(unread.unwrap_or_default()).unwrap_or_default(),
        })
    }

    fn texts(&self) -> impl Iterator<Item = &Heard> {
        let all = self.history.0.iter();
        all.filter(|heard| heard.author != "app")
    }
}

/// Everything that is wrong between these two, each in a sentence.
pub(crate) fn between(one: &mut Talker, other: &mut Talker) -> Result<Vec<String>, Failure> {
    let sides = (Side::of(one, other.who)?, Side::of(other, one.who)?);
    Ok(faults(&sides.0, &sides.1))
}

fn faults(one: &Side, other: &Side) -> Vec<String> {
    let mut faults = Vec::new();
    way(one, other, &mut faults);
    way(other, one, &mut faults);
    let ids = |side: &Side| -> Vec<String> { side.texts().map(|heard| heard.id.clone()).collect() };
    if ids(one) != ids(other) {
        let (one, other) = (one.name, other.name);
        faults.push(format!(
            "{one} and {other} have not the same texts in the same order"
        ));
    }
    faults
}

/// From one to the other.
fn way(from: &Side, to: &Side, faults: &mut Vec<String>) {
    let taken: Vec<&Heard> = from.history.by("me").collect();
    let shown: Vec<&Heard> = to.history.by("them").collect();
    for (name, texts) in [(from.name, &taken), (to.name, &shown)] {
        let mut texts = texts.iter().map(|heard| heard.text.as_str());
        let mut right = from.said.iter().map(String::as_str);
        loop {
            match (texts.next(), right.next()) {
                (None, None) => break,
                (has, wanted) if has != wanted => {
                    let [has, wanted] = [has, wanted].map(|t| t.map_or("nothing", title));
                    faults.push(format!("{name} has {has} in the place of {wanted}"));
                    break;
                }
                _ => {}
            }
        }
    }
    for trouble in from.history.troubles() {
        let name = from.name;
        faults.push(format!(
            "{name} was told that something is wrong: {trouble}"
        ));
    }
    // A mark may not say less than is true, nor more.
    let read = taken.len().saturating_sub(to.unread);
    for (place, message) in taken.iter().enumerate() {
        let right = if place < read { "read" } else { "delivered" };
        if message.delivery != right {
            let (title, mark) = (title(&message.text), &message.delivery);
            faults.push(format!("{title} is marked as {mark} and is {right}"));
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        reason = "a test stops at the first surprise"
    )]
    use super::*;

    /// Alice said three, Bob one in between and has read two.
    fn sides() -> (Side, Side) {
        let side = |name, me: &str, said: &[&str], unread| {
            let history = ["a1", "b1", "a2", "a3"].map(|text| {
                let (author, delivery) = match (text.starts_with(me), text) {
                    (true, "a3") => ("me", "delivered"),
                    (true, _) => ("me", "read"),
                    (false, _) => ("them", "received"),
                };
                Heard {
                    id: text.to_owned(),
                    author: author.to_owned(),
                    text: text.to_owned(),
                    delivery: delivery.to_owned(),
                }
            });
            Side {
                name,
                said: said.iter().map(|text| (*text).to_owned()).collect(),
                history: History(history.to_vec()),
                unread,
            }
        };
        (
            side("alice", "a", &["a1", "a2", "a3"], 0),
            side("bob", "b", &["b1"], 1),
        )
    }

    fn wrong(break_it: impl FnOnce(&mut Side, &mut Side)) -> String {
        let (mut alice, mut bob) = sides();
        break_it(&mut alice, &mut bob);
        faults(&alice, &bob).join("; ")
    }

    #[test]
    fn nothing_wrong_is_nothing_said() {
        assert_eq!(wrong(|_, _| {}), "");
    }

    #[test]
    fn what_is_missing_doubled_or_mixed_up_is_told() {
        let missing = wrong(|_, bob| drop(bob.history.0.remove(2)));
        assert!(
            missing.contains("bob has a3 in the place of a2"),
            "{missing}"
        );
        let doubled = wrong(|_, bob| bob.history.0.push(bob.history.0[3].clone()));
        assert!(doubled.contains("bob has a3 in the place of nothing"));
        let forgotten = wrong(|alice, _| drop(alice.history.0.pop()));
        assert!(forgotten.contains("alice has nothing in the place of a3"));
        let mixed_up = wrong(|_, bob| bob.history.0.swap(0, 1));
        assert!(mixed_up.contains("not the same texts in the same order"));
    }

    #[test]
    fn marks_that_say_less_or_more_are_told() {
        let less = wrong(|alice, _| "stored".clone_into(&mut alice.history.0[0].delivery));
        assert!(
            less.contains("a1 is marked as stored and is read"),
            "{less}"
        );
        let more = wrong(|alice, _| "read".clone_into(&mut alice.history.0[3].delivery));
        assert!(
            more.contains("a3 is marked as read and is delivered"),
            "{more}"
        );
    }

    #[test]
    fn what_a_client_reports_is_told() {
        let told = wrong(|alice, _| {
            let gap = Heard {
                id: "x".to_owned(),
                author: "app".to_owned(),
                text: "gap".to_owned(),
                delivery: "received".to_owned(),
            };
            alice.history.0.push(gap);
        });
        assert!(told.contains("alice was told that something is wrong: gap"));
    }
}
