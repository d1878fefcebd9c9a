//! What happens to people, their devices and the relay.

use sotto_engine::Input;

use crate::machine::Trouble;
use crate::plan::Deed;
use crate::world::{Held, Violation, World, carried_out};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Events that one passing of time may bring before it counts as restless.
const RESTLESS: u64 = 20_000;

impl World<'_> {
    /// Something happens, to this person if it happens to one.
    pub(crate) fn befall(&mut self, deed: Deed, who: Option<usize>) -> Held {
        match (deed, who) {
            (Deed::Cut, Some(who)) => {
                self.tell(who, "loses the connection");
                let again = self.dice.below(20 * SECOND);
                self.cut(who, again)
            }
            (Deed::Partition, Some(who)) => {
                let long = self
                    .dice
                    .weighted(&[(3, 10 * MINUTE), (2, 5 * HOUR), (1, 3 * DAY)]);
                let long = self.dice.between(long / 2, long);
                self.tell(who, format!("has no network for {}", span(long)));
                self.cut(who, long)
            }
            (Deed::Kill, Some(who)) => {
                self.tell(who, "is killed");
                let long = self.dice.below(10 * SECOND);
                self.switch_off(who, long)
            }
            (Deed::PowerCut, Some(who)) => self.power_cut(who),
            (Deed::DiskFull, Some(who)) => {
                self.tell(who, "has a full disk");
                self.in_trouble(who, Trouble::Full)
            }
            (Deed::DiskFails, Some(who)) => {
                self.tell(who, "has a disk that fails");
                self.in_trouble(who, Trouble::SyncFails)
            }
            (Deed::Clock, Some(who)) => self.clock_jumps(who),
            (Deed::Sleep, Some(who)) => {
                let long = self.dice.weighted(&[
                    (4, HOUR),
                    (3, 3 * DAY),
                    (2, 20 * DAY),
                    (1, 40 * DAY),
                    (1, 100 * DAY),
                ]);
                let long = self.dice.between(long / 2, long);
                self.tell(who, format!("is switched off for {}", span(long)));
                self.switch_off(who, long)
            }
            (Deed::Time, _) => {
                let long = self.dice.weighted(&[
                    (4, MINUTE),
                    (3, 3 * HOUR),
                    (3, 2 * DAY),
                    (2, 9 * DAY),
                    (1, 35 * DAY),
                ]);
                let long = self.dice.between(long / 2, long);
                self.pass(long)
            }
            (Deed::RelayRestart, _) => {
                self.tell(None, "the relay is killed and started again");
                self.relay.crash();
                for who in 0..self.people.len() {
                    let again = self.dice.below(5 * SECOND);
                    self.cut(who, again)?;
                }
                Ok(())
            }
            (Deed::RelayCursors, _) => {
                self.relay.write_cursors();
                Ok(())
            }
            (Deed::RelayRefuses, _) => {
                let code = *self
                    .dice
                    .pick(&[
                        sotto_wire::RefusalCode::TooFast,
                        sotto_wire::RefusalCode::Unavailable,
                    ])
                    .unwrap();
                let many = self.dice.between(1, 4);
                self.tell(None, format!("the relay refuses the next {many}: {code:?}"));
                self.relay.refuse.extend((0..many).map(|_| code));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Time passes, a day at a time, with whatever falls due in it.
    pub(crate) fn pass(&mut self, long: u64) -> Held {
        self.tell(None, format!("{} pass", span(long)));
        let mut left = long;
        while left > 0 {
            let leap = left.min(DAY);
            left -= leap;
            self.settle(10 * SECOND, RESTLESS)?;
            self.now += leap.saturating_sub(10 * SECOND);
            self.relay.now = self.now;
            self.relay.write_cursors();
            self.relay.age();
            self.settle(10 * SECOND, RESTLESS)?;
        }
        Ok(())
    }

    /// The power goes, perhaps in the middle of something: then nobody hears of it any more.
    fn power_cut(&mut self, who: usize) -> Held {
        self.machines.mark();
        let mut letter = None;
        let input = match self.dice.below(if self.machines.watched() { 3 } else { 1 }) {
            0 => None,
            1 => self.frames_for(who),
            _ => {
                letter = self.compose(who);
                letter
                    .as_ref()
                    .map(|letter| Input::Commands(vec![letter.command()]))
            }
        };
        let clock = self.people[who].clock(self.now);
        let process = self.people[who].process.as_mut().unwrap();
        let outputs = input
            .map(|input| process.engine.handle(input, clock))
            .transpose()
            .map_err(|error| Violation::new("an input is carried out", error.to_string(), who))?;
        outputs
            .iter()
            .try_for_each(|outputs| carried_out(who, outputs))?;
        let life = self.people[who].life + 1;
        let folder = self.people[who].folder.clone();
        let next = self.machines.folder(who, life);
        let left = self.machines.power_cut(&folder, &next, &mut self.dice);
        self.tell(who, format!("has no power: {}", left.words));
        if let Some(outputs) = outputs.filter(|_| left.everything_done) {
            let done = self.take_outputs(who, outputs)?;
            if let Some(letter) = letter.take() {
                self.answered(letter, done.into_iter().next())?;
            }
        }
        self.model.unsure.extend(letter.map(|letter| letter.text));
        self.switch_off(who, 5 * SECOND)?;
        self.machines.scrap(&folder);
        self.people[who].folder = next;
        Ok(())
    }

    /// Something is done while the disk has a trouble.
    fn in_trouble(&mut self, who: usize, trouble: Trouble) -> Held {
        if !self.machines.watched() {
            return Ok(());
        }
        if self.dice.one_in(2) {
            self.say(who, Some(trouble))?;
        } else {
            self.arrive_at_person(who, Some(trouble))?;
        }
        Ok(())
    }

    fn clock_jumps(&mut self, who: usize) -> Held {
        let far = self
            .dice
            .weighted(&[(4, 2 * MINUTE), (3, 2 * HOUR), (1, 3 * DAY)]);
        let far = i64::try_from(self.dice.between(far / 2, far)).unwrap();
        let skew = match self.dice.below(3) {
            0 => 0,
            1 => far,
            _ => -far,
        };
        self.tell(who, format!("has a clock that is {} s ahead", skew / 1000));
        self.people[who].skew = skew;
        // Two of them may be wrong in two directions.
        if skew.unsigned_abs() > HOUR / 2 {
            self.model.skewed.insert(who);
        }
        // A host that sees its clock jump has the engine look at it.
        self.give(who, Input::Deadline, None)?;
        Ok(())
    }
}

/// A span of time for a person.
fn span(milliseconds: u64) -> String {
    match milliseconds {
        0..MINUTE => format!("{} s", milliseconds / SECOND),
        MINUTE..HOUR => format!("{} min", milliseconds / MINUTE),
        HOUR..DAY => format!("{} h", milliseconds / HOUR),
        _ => format!("{} days", milliseconds / DAY),
    }
}
