//! Is every message there, once, in order?

use std::collections::BTreeSet;

use crate::{Heard, History, Line, Who};

/// What became of one side's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Lines that were to be said.
    pub said: usize,
    /// Messages that the sender's client keeps.
    pub sent: usize,
    /// Different ones of them at the other side.
    pub arrived: usize,
    /// Lines that stand where they belong at the other side.
    pub in_order: usize,
}

/// The judgement over a whole play.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// From Alice to Bob.
    pub alice: Side,
    /// From Bob to Alice.
    pub bob: Side,
    /// Whatever is wrong, each in a sentence. Empty: everything is there once, in order.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Compares what was to be said with what both have. `in_turns`: nobody spoke before having
    /// heard everything, so the whole conversation has one right order.
    #[must_use]
    pub fn of(lines: &[Line], alice: &History, bob: &History, in_turns: bool) -> Self {
        let mut faults = Vec::new();
        let [from_alice, from_bob] = Who::BOTH.map(|who| {
            let (own, other) = match who {
                Who::Alice => (alice, bob),
                Who::Bob => (bob, alice),
            };
            one_way(who, lines, own, other, &mut faults)
        });
        for (who, history) in [(Who::Alice, alice), (Who::Bob, bob)] {
            for trouble in history.troubles() {
                faults.push(format!("{}'s client reports: {trouble}", who.name()));
            }
        }
        if people(alice) != people(bob) {
            faults.push("the two do not have the same messages in the same order".to_owned());
        }
        if in_turns {
            let right = lines.iter().map(|line| line.text.as_str());
            if let Some(at) = first_difference(alice.texts().into_iter(), right) {
                faults.push(format!(
                    "the conversation is not in its order from message {} on",
                    at + 1
                ));
            }
        }
        Self {
            alice: from_alice,
            bob: from_bob,
            faults,
        }
    }
}

/// Ids of what people said.
fn people(history: &History) -> Vec<&str> {
    let said = history.0.iter().filter(|heard| heard.author != "app");
    said.map(|heard| heard.id.as_str()).collect()
}

fn one_way(
    from: Who,
    lines: &[Line],
    own: &History,
    other: &History,
    faults: &mut Vec<String>,
) -> Side {
    let (name, to) = (from.name(), from.other().name());
    let said: Vec<&str> = lines
        .iter()
        .filter(|line| line.from == from)
        .map(|line| line.text.as_str())
        .collect();
    let sent: Vec<&Heard> = own.by("me").collect();
    let came: Vec<&Heard> = other.by("them").collect();
    let ids = |messages: &[&Heard]| -> BTreeSet<String> {
        messages.iter().map(|heard| heard.id.clone()).collect()
    };
    let (sent_ids, came_ids) = (ids(&sent), ids(&came));

    let mut fault = |count: usize, what: &str| {
        if count > 0 {
            faults.push(format!("{name} → {to}: {count} {what}"));
        }
    };
    fault(said.len().saturating_sub(sent.len()), "were never taken");
    fault(sent.len().saturating_sub(said.len()), "were taken twice");
    fault(sent_ids.difference(&came_ids).count(), "are missing");
    fault(came_ids.difference(&sent_ids).count(), "came from nowhere");
    fault(came.len() - came_ids.len(), "arrived more than once");
    let arrived = || came.iter().map(|heard| heard.text.as_str());
    if let Some(at) = first_difference(arrived(), said.iter().copied()) {
        faults.push(format!(
            "{name} → {to}: out of order from message {} on",
            at + 1
        ));
    }
    Side {
        said: said.len(),
        sent: sent.len(),
        arrived: sent_ids.intersection(&came_ids).count(),
        in_order: arrived().zip(&said).filter(|(a, b)| a == *b).count(),
    }
}

/// Where two sequences first differ, if they do.
fn first_difference<'a>(
    mut one: impl Iterator<Item = &'a str>,
    mut other: impl Iterator<Item = &'a str>,
) -> Option<usize> {
    let mut at = 0;
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (a, b) if a != b => return Some(at),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let line = |from, text: &str| Line {
            from,
            text: text.to_owned(),
        };
        vec![
            line(Who::Alice, "one"),
            line(Who::Bob, "two"),
            line(Who::Alice, "three"),
            line(Who::Alice, "three"),
        ]
    }

    /// A history of `(id, is mine)`; ids are places in [`lines`].
    fn history(me: Who, ids: &[usize]) -> History {
        let lines = lines();
        let heard = ids.iter().map(|id| Heard {
            id: id.to_string(),
            author: if lines[*id].from == me { "me" } else { "them" }.to_owned(),
            text: lines[*id].text.clone(),
            delivery: "received".to_owned(),
        });
        History(heard.collect())
    }

    fn faults(alice: &[usize], bob: &[usize]) -> String {
        let (alice, bob) = (history(Who::Alice, alice), history(Who::Bob, bob));
        Verdict::of(&lines(), &alice, &bob, true).faults.join("; ")
    }

    #[test]
    fn nothing_wrong_is_nothing_said() {
        assert_eq!(faults(&[0, 1, 2, 3], &[0, 1, 2, 3]), "");
    }

    #[test]
    fn missing_doubled_and_mixed_up_are_told() {
        assert!(faults(&[0, 1, 2, 3], &[0, 1, 3]).contains("alice → bob: 1 are missing"));
        assert!(faults(&[0, 1, 2, 3], &[0, 1, 2, 2, 3]).contains("1 arrived more than once"));
        assert!(faults(&[0, 1, 2, 3], &[2, 1, 0, 3]).contains("out of order from message 1"));
        // The same texts in the same order, but not the same messages.
        assert!(faults(&[0, 1, 2, 3], &[0, 1, 3, 2]).contains("the same order"));
        assert!(faults(&[0, 2, 1, 3], &[0, 2, 1, 3]).contains("not in its order from message 2"));
        assert!(faults(&[0, 1, 2], &[0, 1, 2]).contains("1 were never taken"));
    }

    #[test]
    fn what_a_client_reports_is_a_fault() {
        let mut alice = history(Who::Alice, &[0, 1, 2, 3]);
        let bob = history(Who::Bob, &[0, 1, 2, 3]);
        alice.0.push(Heard {
            id: "x".to_owned(),
            author: "app".to_owned(),
            text: "unopenable".to_owned(),
            delivery: "received".to_owned(),
        });
        let verdict = Verdict::of(&lines(), &alice, &bob, true);
        assert_eq!(verdict.faults, ["alice's client reports: unopenable"]);
    }
}
