//! A world that came to rest, from which others begin. Making profiles and getting to know each other
//! costs more than most of what follows, so worlds that bytes drive share it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sotto_model_relay::ModelRelay;

use crate::machine::{Image, Machines, image, lay};
use crate::model::Model;
use crate::person::Person;
use crate::plan::Plan;
use crate::story::Story;
use crate::wire::Wire;
use crate::world::{Violation, World};

/// Those that were played, by how many people are there and whether they know each other.
#[derive(Debug, Default)]
pub(crate) struct Beginnings(BTreeMap<(usize, bool), Beginning>);

/// People whose devices are off, a relay that nobody is connected to, and what came to pass.
struct Beginning {
    now: u64,
    relay: ModelRelay,
    people: Vec<(Person, Image)>,
    model: Model,
    wire: Wire,
    story: Story,
}

impl Beginnings {
    /// A world of this plan in which everybody has just switched their device on.
    pub(crate) fn world<'m>(
        &mut self,
        plan: &Plan,
        acquainted: bool,
        machines: &'m mut Machines,
    ) -> Result<World<'m>, Violation> {
        let beginning = match self.0.entry((plan.people, acquainted)) {
            Entry::Occupied(played) => played.into_mut(),
            Entry::Vacant(place) => place.insert(Beginning::play(plan, acquainted, machines)?),
        };
        beginning.go_on(plan.clone(), machines)
    }
}

impl Beginning {
    fn play(plan: &Plan, acquainted: bool, machines: &mut Machines) -> Result<Self, Violation> {
        let plan = Plan {
            people: plan.people,
            ..Plan::of(plan.seed)
        };
        let mut world = World::new(plan, machines)?;
        world.settle(10_000, 20_000)?;
        if acquainted {
            world.get_acquainted()?;
        }
        for who in 0..world.people.len() {
            world.switch_off(who, 0)?;
        }
        let people = world.people.iter().map(|person| {
            let asleep = person.asleep(person.folder.clone(), world.now);
            (asleep, image(&person.folder))
        });
        Ok(Self {
            now: world.now,
            people: people.collect(),
            relay: world.relay.restarted(),
            model: world.model,
            wire: world.wire,
            story: world.story,
        })
    }

    fn go_on<'m>(&self, plan: Plan, machines: &'m mut Machines) -> Result<World<'m>, Violation> {
        let mut world = World::empty(plan, self.now, self.relay.restarted(), machines);
        world.model = self.model.clone();
        world.wire = self.wire.clone();
        world.story = self.story.clone();
        for (who, (person, image)) in self.people.iter().enumerate() {
            let folder = world.machines.folder(who, person.life);
            lay(image, &folder);
            world.people.push(person.asleep(folder, self.now));
        }
        for who in 0..world.people.len() {
            world.switch_on(who)?;
        }
        Ok(world)
    }
}

impl std::fmt::Debug for Beginning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Beginning({} people)", self.people.len())
    }
}
