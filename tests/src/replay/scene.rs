//! Two clients and a relay while a conversation is played, whoever dies on the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::deaths::{Deaths, Fate, Hit};
use crate::{
    Failure, Heard, History, Key, Line, Person, RelayProcess, Stage, Who, introduce, text,
};

/// Nothing arriving for so long, with everybody alive, is a failure.
const STANDSTILL: Duration = Duration::from_secs(60);
/// How often to look after the others while waiting for one.
const LAP: Duration = Duration::from_millis(20);
/// How often clients are told that the network is back while nothing arrives.
const NUDGE: Duration = Duration::from_millis(500);

/// One side of the conversation.
struct Actor {
    who: Who,
    person: Person,
    /// Everything this side is to say.
    lines: Vec<String>,
    /// How many of them the client has taken durably.
    said: usize,
    /// Ids of what came from the other side.
    heard: BTreeSet<String>,
    /// Events may have been missed: read the history before going on.
    unsure: bool,
}

pub(super) struct Scene {
    relay: RelayProcess,
    alice: Actor,
    bob: Actor,
    fate: Fate,
}

impl Scene {
    /// Relay, both profiles, and the introduction. Nobody dies before that is done.
    pub(super) fn set(stage: &Stage, lines: &[Line], seed: Option<u64>) -> Result<Self, Failure> {
        let relay = stage.relay("relay")?;
        let key = match seed {
            Some(_) => Key::Passphrase,
            None => Key::Memory,
        };
        let mut alice = Actor::new(
            Who::Alice,
            stage.person("alice", relay.address(), key)?,
            lines,
        );
        let mut bob = Actor::new(Who::Bob, stage.person("bob", relay.address(), key)?, lines);
        introduce(&mut alice.person, &mut bob.person)?;
        Ok(Self {
            relay,
            alice,
            bob,
            fate: Fate::new(seed, lines.len()),
        })
    }

    pub(super) fn relay_data(&self) -> &Path {
        self.relay.data()
    }

    pub(super) fn deaths(&self) -> Deaths {
        self.fate.so_far
    }

    fn actors(&mut self) -> [&mut Actor; 2] {
        [&mut self.alice, &mut self.bob]
    }

    fn actor(&mut self, who: Who) -> &mut Actor {
        match who {
            Who::Alice => &mut self.alice,
            Who::Bob => &mut self.bob,
        }
    }

    /// Both say their next lines, all at once. Comes back when the clients have taken each once.
    pub(super) fn say(&mut self, lines: &[Line]) -> Result<(), Failure> {
        let goal = |who, said| said + lines.iter().filter(|line| line.from == who).count();
        let goals = [
            goal(Who::Alice, self.alice.said),
            goal(Who::Bob, self.bob.said),
        ];
        for hit in self.fate.hits(lines.len()) {
            let victim = match hit {
                Hit::Alice => self.alice.person.rpc().victim(),
                Hit::Bob => self.bob.person.rpc().victim(),
                Hit::Relay => self.relay.victim(),
            };
            self.fate.send_for(victim);
        }
        while [self.alice.said, self.bob.said] != goals {
            match self.say_once(goals) {
                Err(error) if error.is_end() => self.look_after()?,
                other => other?,
            }
        }
        Ok(())
    }

    /// Begins whatever is still to be said, then waits for the answers to all of it.
    fn say_once(&mut self, goals: [usize; 2]) -> Result<(), Failure> {
        let mut first_end = Ok(());
        let mut begun = Vec::new();
        for (actor, goal) in self.actors().into_iter().zip(goals) {
            match actor.begin(goal) {
                Ok(calls) => begun.push((actor.who, calls)),
                Err(error) => first_end = Err(error),
            }
        }
        for (who, calls) in begun {
            match self.actor(who).finish(calls) {
                Err(error) if error.is_end() => first_end = Err(error),
                other => other?,
            }
        }
        first_end
    }

    /// Waits until each has heard everything that the other said.
    pub(super) fn listen(&mut self) -> Result<(), Failure> {
        let mut heard_before = (0, 0);
        let mut progress = Instant::now();
        let mut nudged = Instant::now();
        loop {
            let heard = (self.alice.heard.len(), self.bob.heard.len());
            if heard.0 >= self.bob.said && heard.1 >= self.alice.said {
                return Ok(());
            }
            if heard != heard_before {
                (heard_before, progress) = (heard, Instant::now());
            }
            if progress.elapsed() > STANDSTILL {
                let missing = (
                    self.bob.said - heard.0,
                    self.alice.said.saturating_sub(heard.1),
                );
                return Err(Failure::Broken(format!(
                    "nothing arrives any more: {} messages for alice and {} for bob are missing",
                    missing.0, missing.1
                )));
            }
            self.look_after()?;
            if progress.elapsed() > NUDGE && nudged.elapsed() > NUDGE {
                nudged = Instant::now();
                self.nudge();
            }
            let waits_for_alice = heard.0 < self.bob.said;
            for (actor, waited_for) in [
                (&mut self.alice, waits_for_alice),
                (&mut self.bob, !waits_for_alice),
            ] {
                let until = Instant::now() + if waited_for { LAP } else { Duration::ZERO };
                match actor.take_events(until) {
                    Err(error) if error.is_end() => {}
                    other => other?,
                }
            }
        }
    }

    /// Starts again whoever is dead, and reads again whatever may have been missed.
    fn look_after(&mut self) -> Result<(), Failure> {
        if self.relay.has_ended() {
            self.relay.restart()?;
            self.nudge();
        }
        for actor in self.actors() {
            match actor.look_after() {
                // Dead once more; the next round sees to it.
                Err(error) if error.is_end() => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Tells both clients that the network is back, as a phone's system would.
    fn nudge(&mut self) {
        for actor in self.actors() {
            // One that is dead need not know.
            let _ = actor.person.call("reconnect_relays", json!({}));
        }
    }

    /// Both histories, once every message has two ticks on its sender's side or after a while;
    /// and how many have.
    pub(super) fn settle(&mut self, patience: Duration) -> Result<([History; 2], usize), Failure> {
        let deadline = Instant::now() + patience;
        loop {
            // The last deaths may still be on their way.
            self.look_after()?;
            let [alice, bob] = self.actors().map(|actor| History::read(&mut actor.person));
            let histories = match (alice, bob) {
                (Ok(alice), Ok(bob)) => [alice, bob],
                (Err(error), _) | (_, Err(error)) if error.is_end() => continue,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            let ticks = |history: &History| {
                let own = history.by("me");
                own.filter(|heard| matches!(heard.delivery.as_str(), "delivered" | "read"))
                    .count()
            };
            let delivered = histories.iter().map(ticks).sum();
            let said = self.alice.said + self.bob.said;
            if delivered >= said || Instant::now() > deadline {
                return Ok((histories, delivered));
            }
            std::thread::sleep(LAP);
        }
    }
}

impl Actor {
    fn new(who: Who, person: Person, lines: &[Line]) -> Self {
        let own = lines.iter().filter(|line| line.from == who);
        Self {
            who,
            person,
            lines: own.map(|line| line.text.clone()).collect(),
            said: 0,
            heard: BTreeSet::new(),
            unsure: false,
        }
    }

    fn begin(&mut self, goal: usize) -> Result<Vec<u64>, Failure> {
        let lines = self.lines.get(self.said..goal).unwrap_or_default();
        let conversation = self.person.conversation().to_owned();
        lines
            .iter()
            .map(|line| {
                let params = json!({ "conversation": conversation, "text": line });
                self.person.begin("send_text", params)
            })
            .collect()
    }

    fn finish(&mut self, calls: Vec<u64>) -> Result<(), Failure> {
        for call in calls {
            self.person.rpc().finish(call)?;
            self.said += 1;
        }
        Ok(())
    }

    /// Takes in what happened, waiting until `until` for the first event.
    fn take_events(&mut self, until: Instant) -> Result<(), Failure> {
        let mut next = self.person.rpc().next(until)?;
        while let Some(line) = next {
            let event = line.pointer("/params/event").unwrap_or(&Value::Null);
            match text(event, "/event") {
                "message_added" => {
                    let message = Heard::of(event.get("message").unwrap_or(&Value::Null));
                    if message.author == "them" {
                        self.heard.insert(message.id);
                    }
                }
                "missed" => self.unsure = true,
                "closed" => return Err(Failure::unexpected(self.who.name(), event)),
                _ => {}
            }
            next = self.person.rpc().next(Instant::now())?;
        }
        Ok(())
    }

    /// Starts the process again if it is dead. What it had taken by then shows in its history:
    /// lines are taken in order, so their number says where to go on.
    fn look_after(&mut self) -> Result<(), Failure> {
        if self.person.rpc().has_ended() {
            self.unsure = true;
            self.person.start_again()?;
            self.person.open()?;
        }
        if self.unsure {
            let history = History::read(&mut self.person)?;
            self.said = history.by("me").count();
            self.heard = history.by("them").map(|heard| heard.id.clone()).collect();
            self.unsure = false;
        }
        Ok(())
    }
}
