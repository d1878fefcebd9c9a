//! Somebody who keeps talking to the same few people, whatever happens to the program.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sotto_tests::{Chance, Failure, Heard, History, Person, Victim, text};

use crate::plan::{PEOPLE, between};
use crate::story::Story;

/// From one text to the next, in milliseconds.
const PAUSE: (u64, u64) = (150, 900);
/// Lengths of texts in bytes, so that envelopes of several sizes travel.
const LENGTHS: [u64; 6] = [0, 0, 40, 300, 3_000, 12_000];
/// What longer texts are made of.
const FILLER: &str = "the tide comes in twice a day and goes out again as often, ";

/// The process of a person, for whoever ends and pauses it from outside.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    victim: Arc<Mutex<Victim>>,
    kills: Arc<AtomicU64>,
}

impl Handle {
    pub(crate) fn kill(&self) {
        // First, so that nobody takes it for an end of its own.
        self.kills.fetch_add(1, Ordering::SeqCst);
        self.victim().kill();
    }

    pub(crate) fn pause(&self) {
        self.victim().pause();
    }

    pub(crate) fn go_on(&self) {
        self.victim().go_on();
    }

    fn victim(&self) -> MutexGuard<'_, Victim> {
        self.victim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One conversation of a talker.
#[derive(Debug)]
pub(crate) struct Talk {
    /// With whom.
    pub(crate) with: usize,
    /// Its id on this side.
    pub(crate) conversation: String,
    /// What the client has taken, in order.
    pub(crate) said: Vec<String>,
    /// What it was asked to take after that and has not answered.
    asked: VecDeque<String>,
    /// Ids of texts that events have announced.
    announced: BTreeSet<String>,
    /// The number of the last of them.
    newest: usize,
}

/// Somebody who talks.
#[derive(Debug)]
pub(crate) struct Talker {
    pub(crate) who: usize,
    pub(crate) person: Person,
    pub(crate) talks: Vec<Talk>,
    handle: Handle,
    lives: u64,
    chance: Chance,
    story: Story,
}

impl Talker {
    pub(crate) fn new(who: usize, mut person: Person, seed: u64, story: Story) -> Self {
        let handle = Handle {
            victim: Arc::new(Mutex::new(person.rpc().victim())),
            kills: Arc::default(),
        };
        // Dice of one's own, so that nobody's turn changes what another one says.
        let chance = Chance::new(seed ^ (who as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
        Self {
            who,
            person,
            talks: Vec::new(),
            handle,
            lives: 0,
            chance,
            story,
        }
    }

    /// The conversation that the person is turned to is one to talk in.
    pub(crate) fn will_talk_with(&mut self, with: usize) {
        self.talks.push(Talk {
            with,
            conversation: self.person.conversation().to_owned(),
            said: Vec::new(),
            asked: VecDeque::new(),
            announced: BTreeSet::new(),
            newest: 0,
        });
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// How often the program was killed.
    pub(crate) fn lives(&self) -> u64 {
        self.lives
    }

    /// Talks until it is over.
    pub(crate) fn talk(&mut self, over: &AtomicBool) -> Result<(), Failure> {
        while !over.load(Ordering::Relaxed) {
            match self.turn() {
                Err(error) if error.is_end() => self.come_back()?,
                other => other?,
            }
            let pause = between(&mut self.chance, PAUSE.0, PAUSE.1);
            std::thread::sleep(Duration::from_millis(pause));
        }
        Ok(())
    }

    /// Takes in what has happened, and comes back if the program was ended.
    pub(crate) fn listen(&mut self) -> Result<(), Failure> {
        match self.take_events() {
            Err(error) if error.is_end() => self.come_back(),
            other => other,
        }
    }

    fn turn(&mut self) -> Result<(), Failure> {
        self.take_events()?;
        let place = self.chance.below(self.talks.len() as u64);
        let length = self.chance.below(LENGTHS.len() as u64);
        let reads = self.chance.below(4) == 0;
        // Some say a lot at once, so that a kill has much to fall into.
        let burst = match self.chance.below(6) {
            0 => between(&mut self.chance, 5, 25),
            _ => 1,
        };
        let Some(talk) = self
            .talks
            .get_mut(usize::try_from(place).unwrap_or_default())
        else {
            return Ok(());
        };
        self.person.turn_to(&talk.conversation);
        if reads {
            read_all(&mut self.person)?;
        }
        let length = LENGTHS.get(usize::try_from(length).unwrap_or_default());
        let length = length.copied().unwrap_or_default();
        let mut calls = Vec::new();
        for _ in 0..burst {
            let number = talk.said.len() + talk.asked.len() + 1;
            let title = format!("{} → {} {number}", name(self.who), name(talk.with));
            let words = words(&title, length);
            self.story.tell(Some(self.who), format!("says {title}"));
            let params = json!({ "conversation": talk.conversation, "text": words });
            talk.asked.push_back(words);
            calls.push(self.person.begin("send_text", params)?);
        }
        for call in calls {
            self.person.rpc().finish(call)?;
            talk.said.extend(talk.asked.pop_front());
            let said = talk.said.last().map(String::as_str).unwrap_or_default();
            let said = format!("has said {}", title(said));
            self.story.tell(Some(self.who), said);
        }
        Ok(())
    }

    fn take_events(&mut self) -> Result<(), Failure> {
        while let Some(line) = self.person.rpc().next(Instant::now())? {
            let event = line.pointer("/params/event").unwrap_or(&Value::Null);
            match text(event, "/event") {
                "message_added" => self.hear(event.get("message").unwrap_or(&Value::Null))?,
                "relay" => {
                    let problem = text(event, "/problem/code");
                    let state = text(event, "/state");
                    let port = text(event, "/relay")
                        .split_once('#')
                        .map_or("", |(at, _)| at);
                    self.story
                        .tell(Some(self.who), format!("{port} is {state} {problem}"));
                }
                "storage" if !event.pointer("/problem").unwrap_or(&Value::Null).is_null() => {
                    return Err(self.broken(format!("could not store: {event}")));
                }
                "closed" => return Err(self.broken(format!("closed by itself: {event}"))),
                _ => {}
            }
        }
        Ok(())
    }

    /// A text is announced once, and each sender's in their order.
    fn hear(&mut self, message: &Value) -> Result<(), Failure> {
        let heard = Heard::of(message);
        if heard.author == "app" && heard.text != "accepted" {
            return Err(self.broken(format!("was told that something is wrong: {}", heard.text)));
        }
        if heard.author != "them" {
            return Ok(());
        }
        let title = title(&heard.text).to_owned();
        self.story.tell(Some(self.who), format!("is shown {title}"));
        let conversation = text(message, "/conversation");
        let talk = self
            .talks
            .iter_mut()
            .find(|t| t.conversation == conversation);
        let Some(talk) = talk else {
            return Err(self.broken(format!("was shown {title} in no conversation of theirs")));
        };
        let number = number(&title);
        let (again, before) = (!talk.announced.insert(heard.id), number <= talk.newest);
        talk.newest = talk.newest.max(number);
        match (again, before) {
            (true, _) => Err(self.broken(format!("was shown {title} twice"))),
            (false, true) => Err(self.broken(format!("was shown {title} after a later one"))),
            (false, false) => Ok(()),
        }
    }

    /// A new process on the same folder. What the last one had answered is still there.
    fn come_back(&mut self) -> Result<(), Failure> {
        let kills = self.handle.kills.load(Ordering::SeqCst);
        if kills <= self.lives {
            return Err(self.broken("ended by itself".to_owned()));
        }
        loop {
            // Every kill before this moment hit the old process.
            self.lives = self.handle.kills.load(Ordering::SeqCst);
            self.person.start_again()?;
            *self.handle.victim() = self.person.rpc().victim();
            self.story.tell(Some(self.who), "is started again");
            match self.look_back() {
                Err(error) if error.is_end() => {}
                other => return other,
            }
        }
    }

    fn look_back(&mut self) -> Result<(), Failure> {
        self.person.open()?;
        self.story.tell(Some(self.who), "has opened the profile");
        let mut wrong = Ok(());
        for talk in &mut self.talks {
            self.person.turn_to(&talk.conversation);
            let history = History::read(&mut self.person)?;
            let own: Vec<&str> = history.by("me").map(|heard| heard.text.as_str()).collect();
            // Taken, and ended before it could say so. Calls are carried out in order.
            let unanswered = own.len().saturating_sub(talk.said.len());
            talk.said.extend(talk.asked.drain(..).take(unanswered));
            talk.asked.clear();
            if own != talk.said {
                wrong = Err(format!(
                    "had said {} texts and has {}",
                    talk.said.len(),
                    own.len()
                ));
            }
            let ids: BTreeSet<&str> = history.by("them").map(|heard| heard.id.as_str()).collect();
            if !talk.announced.iter().all(|id| ids.contains(id.as_str())) {
                wrong = Err("no longer has what was shown".to_owned());
            }
        }
        wrong.map_err(|what| self.broken(what))
    }

    fn broken(&self, what: String) -> Failure {
        self.story.tell(Some(self.who), format!("BROKEN: {what}"));
        Failure::Broken(format!("{} {what}", name(self.who)))
    }
}

/// Marks everything as read that has come so far in the conversation that the person is turned to.
fn read_all(person: &mut Person) -> Result<(), Failure> {
    let which = json!({ "conversation": person.conversation(), "limit": 1 });
    let page = person.call("messages", which)?;
    let last = text(&page, "/messages/0/message").to_owned();
    if last.is_empty() {
        return Ok(());
    }
    let read = json!({ "conversation": person.conversation(), "message": last });
    person.call("mark_read", read).map(drop)
}

/// The name of somebody in [`PEOPLE`].
pub(crate) fn name(who: usize) -> &'static str {
    PEOPLE.get(who).copied().unwrap_or("nobody")
}

/// A text of about this many bytes more than its title.
fn words(title: &str, length: u64) -> String {
    let times = length.div_ceil(FILLER.len() as u64);
    let filler = FILLER.repeat(usize::try_from(times).unwrap_or_default());
    format!("{title}\n{filler}").trim_end().to_owned()
}

/// What a text begins with.
pub(crate) fn title(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}

/// The number in a title.
fn number(title: &str) -> usize {
    let last = title.rsplit(' ').next().unwrap_or_default();
    last.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_carries_its_number_whatever_its_length() {
        for length in LENGTHS {
            let words = words("alice → bob 17", length);
            assert_eq!(number(title(&words)), 17);
            assert!(words.len() as u64 >= length);
        }
    }
}
