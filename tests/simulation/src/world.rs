//! The world: time, people, relay, and the steps.

use sotto_engine::{Done, EngineError, Event, Input, Outputs, Problem, RelayChange, StoreError};
use sotto_model_relay::ModelRelay;

use crate::chance::Chance;
use crate::hostile::Liar;
use crate::machine::{Machines, Trouble};
use crate::model::Model;
use crate::network::Stream;
use crate::person::Person;
use crate::plan::Plan;
use crate::story::Story;
use crate::wire::Wire;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which, in words that are the same whenever the same promise breaks.
    pub(crate) rule: String,
    pub(crate) detail: String,
    pub(crate) who: Option<usize>,
}

impl Violation {
    pub(crate) fn new(rule: impl Into<String>, detail: impl Into<String>, who: usize) -> Self {
        Self {
            rule: rule.into(),
            detail: detail.into(),
            who: Some(who),
        }
    }
}

/// Everything goes on, or a promise was broken.
pub(crate) type Held = Result<(), Violation>;

/// When the world begins, in milliseconds since 1970.
pub(crate) const BEGIN: u64 = 1_790_000_000_000;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ghost(usize),
    Wake(usize),
    Up(usize),
    Down(usize),
    Back(usize),
    Deadline(usize),
}

pub(crate) struct World<'m> {
    pub(crate) plan: Plan,
    pub(crate) step: u64,
    pub(crate) now: u64,
    pub(crate) dice: Chance,
    pub(crate) relay: ModelRelay,
    pub(crate) people: Vec<Person>,
    pub(crate) model: Model,
    pub(crate) story: Story,
    pub(crate) wire: Wire,
    pub(crate) liar: Liar,
    pub(crate) machines: &'m mut Machines,
    /// Connections that are dead, and the relay does not know it yet.
    ghosts: Vec<(u64, String)>,
    streams: u64,
    /// What happens from now on is told in the story.
    pub(crate) events: u64,
}

impl<'m> World<'m> {
    /// People with fresh profiles, and nobody who knows anybody.
    pub(crate) fn new(plan: Plan, machines: &'m mut Machines) -> Result<Self, Violation> {
        let mut relay = ModelRelay::new();
        relay.forgetful = true;
        let mut world = Self::empty(plan, BEGIN, relay, machines);
        for who in 0..world.plan.people {
            let folder = world.machines.folder(who, 0);
            let (seed, address) = (world.plan.seed, world.relay.address());
            let now = sotto_engine::Timestamp(BEGIN);
            let person = Person::create(seed, who, folder, address, now)
                .map_err(|error| Violation::new("a profile is made", error.to_string(), who))?;
            world.model.accounts.insert(person.account, who);
            world.model.names[who].push(person.name.clone());
            world.people.push(person);
        }
        Ok(world)
    }

    /// A relay, empty disks, and nobody there.
    pub(crate) fn empty(
        plan: Plan,
        now: u64,
        mut relay: ModelRelay,
        machines: &'m mut Machines,
    ) -> Self {
        machines.begin();
        relay.now = now;
        Self {
            step: 0,
            now,
            dice: Chance::of(plan.seed, 1 << 62),
            relay,
            people: Vec::new(),
            model: Model::new(plan.people),
            story: Story::default(),
            wire: Wire::default(),
            liar: Liar::new(plan.hostile, plan.seed),
            machines,
            ghosts: Vec::new(),
            streams: 0,
            events: 0,
            plan,
        }
    }

    pub(crate) fn tell(&mut self, who: impl Into<Option<usize>>, text: impl Into<String>) {
        self.story
            .tell(self.step, self.now, who.into(), text.into());
    }

    pub(crate) fn name(&self, who: usize) -> &str {
        self.people
            .get(who)
            .map_or("somebody", |person| person.name.as_str())
    }

    pub(crate) fn strict(&self) -> bool {
        self.plan.hostile.is_none()
    }

    /// Most worlds begin with people who know each other.
    pub(crate) fn begin(&mut self) -> Held {
        self.settle(10_000, 20_000)?;
        match self.dice.one_in(4) || self.plan.crosses() {
            true => Ok(()),
            false => self.get_acquainted(),
        }
    }

    /// Invited, accepted, at rest.
    pub(crate) fn get_acquainted(&mut self) -> Held {
        for who in 1..self.people.len() {
            let inviter = self.dice.index(who);
            let number = self.invite(inviter)?;
            self.settle(30_000, 20_000)?;
            self.open(who, number)?;
            self.settle(30_000, 20_000)?;
            for request in self.requests(inviter) {
                self.accept(inviter, request)?;
            }
            self.settle(30_000, 20_000)?;
        }
        Ok(())
    }

    /// One step.
    pub(crate) fn take_step(&mut self, step: u64) -> Held {
        self.step = step;
        self.dice = Chance::chosen(self.plan.seed, step, self.plan.chosen_for(step));
        if self.dice.one_in(3) {
            self.act()?;
        } else {
            self.move_on()?;
        }
        if step % 40 == 39 {
            let who = self.dice.index(self.people.len());
            self.look(who)?;
        }
        Ok(())
    }

    /// The next thing that is due, if it is soon; otherwise somebody does something.
    fn move_on(&mut self) -> Held {
        match self.next_due() {
            Some((at, _)) if at > self.now + 60_000 && !self.dice.one_in(4) => self.act(),
            Some((at, due)) => {
                self.now = self.now.max(at);
                self.happen(due)
            }
            None => self.act(),
        }
    }

    fn next_due(&self) -> Option<(u64, Due)> {
        let ghosts = self.ghosts.iter().enumerate();
        let ghosts = ghosts.map(|(index, (at, _))| (*at, Due::Ghost(index)));
        let people = self.people.iter().enumerate().flat_map(|(who, person)| {
            let on = person.process.as_ref();
            let stream = person.stream.as_ref();
            [
                on.is_none().then_some((person.wake_at, Due::Wake(who))),
                stream.and_then(|stream| Some((stream.up.due()?, Due::Up(who)))),
                stream.and_then(|stream| Some((stream.down.due()?, Due::Down(who)))),
                (on.is_some() && stream.is_none()).then_some((person.back_at, Due::Back(who))),
                on.map(|process| (person.world_time(process.deadline), Due::Deadline(who))),
            ]
            .into_iter()
            .flatten()
        });
        ghosts.chain(people).min()
    }

    fn happen(&mut self, due: Due) -> Held {
        self.events += 1;
        self.relay.now = self.now;
        match due {
            Due::Ghost(index) => {
                let (_, name) = self.ghosts.remove(index);
                self.relay.disconnect(&name);
                self.collect();
                Ok(())
            }
            Due::Wake(who) => self.switch_on(who),
            Due::Up(who) => self.arrive_at_relay(who),
            Due::Down(who) => self.arrive_at_person(who, None).map(|_| ()),
            Due::Back(who) => self.connect(who),
            Due::Deadline(who) => self.give(who, Input::Deadline, None).map(|_| ()),
        }
    }

    /// Plays whatever is due within so many milliseconds, and what follows from it. Bounded: a
    /// world that never comes to rest is a finding.
    pub(crate) fn settle(&mut self, within: u64, at_most: u64) -> Held {
        let end = self.now + within;
        for _ in 0..at_most {
            match self.next_due() {
                Some((at, due)) if at <= end => {
                    self.now = self.now.max(at);
                    self.happen(due)?;
                }
                _ => {
                    self.now = self.now.max(end);
                    self.relay.now = self.now;
                    return Ok(());
                }
            }
        }
        Err(Violation {
            rule: "the world comes to rest".into(),
            detail: format!("{at_most} events within {within} ms"),
            who: None,
        })
    }

    pub(crate) fn connect(&mut self, who: usize) -> Held {
        self.disconnected(who)?;
        self.streams += 1;
        let stream = Stream::new(format!("{who}#{}", self.streams), &mut self.dice);
        let binding = self.relay.connect(&stream.name);
        let person = &mut self.people[who];
        person.stream = Some(stream);
        person.connected_at = self.now;
        person.deceived = true;
        let relay = self.relay.address();
        self.give(who, Input::Connected { relay, binding }, None)?;
        Ok(())
    }

    /// The engine hears that its connection is gone, if it does not know yet.
    pub(crate) fn disconnected(&mut self, who: usize) -> Held {
        if std::mem::take(&mut self.people[who].deceived) {
            let relay = self.relay.address();
            self.give(who, Input::Disconnected { relay }, None)?;
        }
        Ok(())
    }

    /// A connection dies. Either side may notice at once or later.
    pub(crate) fn cut(&mut self, who: usize, again_after: u64) -> Held {
        self.people[who].back_at = self.now + again_after;
        let person = &mut self.people[who];
        if person.away(self.now) == 0 {
            person.last_online = self.now;
        }
        let Some(mut stream) = person.stream.take() else {
            return Ok(());
        };
        for frame in stream.up.last(&mut self.dice) {
            self.receive(who, &stream.name, frame);
        }
        let last = stream.down.last(&mut self.dice);
        if self.dice.one_in(2) {
            self.relay.disconnect(&stream.name);
        } else {
            let at = self.now + self.dice.below(120_000);
            self.ghosts.push((at, stream.name));
        }
        self.collect();
        if !last.is_empty() && self.people[who].is_on() {
            let relay = self.relay.address();
            self.give(
                who,
                Input::Frames {
                    relay,
                    frames: last,
                },
                None,
            )?;
        }
        if self.dice.one_in(2) {
            self.disconnected(who)?;
        }
        Ok(())
    }

    fn arrive_at_relay(&mut self, who: usize) -> Held {
        let now = self.now;
        let Some(stream) = self.people[who].stream.as_mut() else {
            return Ok(());
        };
        let name = stream.name.clone();
        for frame in stream.up.arrived(now, 32) {
            if let Some(frame) = self.liar.up(&mut self.relay, who, frame, &mut self.dice) {
                self.receive(who, &name, frame);
            }
        }
        if self.liar.take_restored() {
            self.tell(None, "the relay goes on from an old backup");
            for who in 0..self.people.len() {
                let again = self.dice.below(10_000);
                self.cut(who, again)?;
            }
        }
        self.collect();
        Ok(())
    }

    fn receive(&mut self, who: usize, name: &str, frame: sotto_wire::ClientFrame) {
        let refusals = self.relay.refuse.len();
        self.relay.receive(name, frame);
        if self.relay.refuse.len() < refusals {
            // What was under way then can come to stand before it.
            self.model.refused.insert(who);
        }
    }

    /// Takes what the relay has for everybody, and puts it on its way.
    pub(crate) fn collect(&mut self) {
        let now = self.now;
        for who in 0..self.people.len() {
            let Some(stream) = self.people[who].stream.as_mut() else {
                continue;
            };
            let frames = self.relay.take(&stream.name, usize::MAX);
            if frames.is_empty() {
                continue;
            }
            for frame in self.liar.down(who, frames, &mut self.dice) {
                let latency = stream.latency(&mut self.dice);
                stream.down.send(frame, now, latency);
            }
        }
    }

    /// Frames reach a device. False if it could not take them.
    pub(crate) fn arrive_at_person(
        &mut self,
        who: usize,
        trouble: Option<Trouble>,
    ) -> Result<bool, Violation> {
        match self.frames_for(who) {
            Some(input) => Ok(self.give(who, input, trouble)?.is_some()),
            None => Ok(true),
        }
    }

    /// Frames that have arrived for a device.
    pub(crate) fn frames_for(&mut self, who: usize) -> Option<Input> {
        let at_most = usize::try_from(self.dice.between(1, 64)).unwrap_or(1);
        let frames = self.people[who]
            .stream
            .as_mut()?
            .down
            .arrived(self.now, at_most);
        let relay = self.relay.address();
        (!frames.is_empty()).then_some(Input::Frames { relay, frames })
    }

    /// An input reaches an engine. None if it could not be stored; nothing of it was kept then,
    /// except, when the disk failed to sync, what shows after the next start.
    pub(crate) fn give(
        &mut self,
        who: usize,
        input: Input,
        trouble: Option<Trouble>,
    ) -> Result<Option<Vec<Result<Done, Problem>>>, Violation> {
        let clock = self.people[who].clock(self.now);
        let Some(process) = self.people[who].process.as_mut() else {
            return Ok(None);
        };
        let result = self
            .machines
            .with(trouble, || process.engine.handle(input, clock));
        match result {
            Ok(outputs) => self.take_outputs(who, outputs).map(Some),
            Err(EngineError::Store(StoreError::Full)) if trouble == Some(Trouble::Full) => {
                self.tell(who, "can't store it: the disk is full");
                self.cut(who, 2_000)?;
                Ok(None)
            }
            Err(EngineError::Store(StoreError::DiskFailed))
                if trouble == Some(Trouble::SyncFails) =>
            {
                self.tell(
                    who,
                    "can't store it: the disk fails, and the program is started again",
                );
                self.switch_off(who, 1_000)?;
                Ok(None)
            }
            Err(error) => Err(Violation::new(
                "an input is carried out",
                error.to_string(),
                who,
            )),
        }
    }

    pub(crate) fn take_outputs(
        &mut self,
        who: usize,
        outputs: Outputs,
    ) -> Result<Vec<Result<Done, Problem>>, Violation> {
        carried_out(who, &outputs)?;
        let person = &mut self.people[who];
        if let (Some(process), Some(deadline)) = (person.process.as_mut(), outputs.deadline) {
            process.deadline = deadline;
        }
        for outgoing in outputs.frames {
            self.wire.saw(who, &outgoing.frame)?;
            if let Some(stream) = self.people[who].stream.as_mut() {
                let latency = stream.latency(&mut self.dice);
                stream.up.send(outgoing.frame, self.now, latency);
            }
        }
        for event in outputs.events {
            self.shown(who, event)?;
        }
        let dropped = |change: &RelayChange| matches!(change, RelayChange::Drop(_));
        let anew = |change: &RelayChange| matches!(change, RelayChange::Anew(_));
        let dropped = outputs.relays.iter().any(dropped);
        if dropped && self.strict() {
            return Err(Violation::new(
                "nobody complains about an honest relay",
                "",
                who,
            ));
        }
        if dropped || outputs.relays.iter().any(anew) {
            let words = match dropped {
                true => "drops the connection: the relay broke the protocol",
                false => "begins anew with the relay",
            };
            self.tell(who, words);
            let again = 1_000 + self.dice.below(30_000);
            self.cut(who, again)?;
        }
        Ok(outputs.done)
    }

    /// The screen is told something.
    fn shown(&mut self, who: usize, event: Event) -> Held {
        self.check_event(who, &event)?;
        match &event {
            Event::ConversationChanged { .. } | Event::Marks { .. } | Event::Typing { .. } => {}
            Event::MessageChanged { .. } => {}
            other => {
                let text = crate::invariants::words(other);
                self.tell(who, text);
            }
        }
        Ok(())
    }

    /// The process ends in order, or by a kill: what was said and not sent is on its disk.
    pub(crate) fn switch_off(&mut self, who: usize, for_so_long: u64) -> Held {
        self.people[who].process = None;
        self.people[who].deceived = false;
        self.people[who].wake_at = self.now + for_so_long;
        self.cut(who, 0)
    }

    pub(crate) fn switch_on(&mut self, who: usize) -> Held {
        let seed = self.plan.seed;
        let clock = self.people[who].clock(self.now);
        let person = &mut self.people[who];
        let opened = person.open(seed, who).and_then(|mut process| {
            let outputs = process.engine.start(clock)?;
            Ok((process, outputs))
        });
        let (process, outputs) = opened.map_err(|error| {
            Violation::new("what is on a disk always opens", error.to_string(), who)
        })?;
        person.process = Some(process);
        person.back_at = self.now;
        self.tell(who, "is on again");
        self.take_outputs(who, outputs)?;
        self.resolve(who)?;
        self.look(who)
    }
}

/// The engine contains what goes wrong in one conversation: here nothing may.
pub(crate) fn carried_out(who: usize, outputs: &Outputs) -> Held {
    match outputs.set_aside.first() {
        Some(aside) => Err(Violation::new(
            "an input is carried out",
            &aside.detail,
            who,
        )),
        None => Ok(()),
    }
}
