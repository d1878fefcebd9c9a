//! One world from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::beginning::Beginnings;
use crate::chance::Chance;
use crate::machine::Machines;
pub use crate::machine::memory;
use crate::plan::Plan;
use crate::world::{BEGIN, Held, Violation, World};

/// Disks for one world after another, and what several of them begin with.
#[derive(Debug)]
pub struct Stage {
    machines: Machines,
    beginnings: Beginnings,
}

impl Stage {
    /// Empty disks; the power can go only where this process is watched by `sotto-faulty-disk`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            machines: Machines::new(),
            beginnings: Beginnings::default(),
        }
    }

    /// Whether the power can go.
    #[must_use]
    pub fn watched(&self) -> bool {
        self.machines.watched()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

/// How a world ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The promise that was broken, if one was: the same words whenever it is the same.
    pub broken: Option<String>,
    /// That with everything that is known about it; empty if nothing was broken.
    pub detail: String,
    /// The step in which it was found.
    pub step: u64,
    /// Everything that happened: in order, and person by person.
    pub story: String,
    /// Inputs, frames and people that moved.
    pub events: u64,
    /// What the world came to, in numbers.
    pub figures: Figures,
}

/// What a world came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Texts that were accepted for sending.
    pub said: usize,
    /// Texts that somebody was shown.
    pub shown: usize,
    /// Conversations that were accepted.
    pub accepted: usize,
    /// How often a device was started again.
    pub starts: u64,
    /// Days that passed.
    pub days: u64,
}

/// A panic now is a finding of the world that is played, and is told with its story.
static PLAYING: AtomicBool = AtomicBool::new(false);

/// Whether a panic would be a finding.
#[must_use]
pub fn is_playing() -> bool {
    PLAYING.load(Ordering::Relaxed)
}

/// Plays a world.
#[must_use]
pub fn play(plan: &Plan, stage: &mut Stage) -> Outcome {
    let Stage {
        machines,
        beginnings,
    } = stage;
    let made = match plan.acquainted {
        Some(acquainted) => beginnings.world(plan, acquainted, machines),
        None => World::new(plan.clone(), machines),
    };
    let mut world = match made {
        Ok(world) => world,
        Err(violation) => {
            return Outcome {
                broken: Some(violation.rule.clone()),
                detail: format!("{violation:?}"),
                step: 0,
                story: String::new(),
                events: 0,
                figures: Figures::default(),
            };
        }
    };
    PLAYING.store(true, Ordering::Relaxed);
    let held = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    PLAYING.store(false, Ordering::Relaxed);
    let held = held.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(Violation {
            rule: "nothing panics".into(),
            detail: said.unwrap_or_default(),
            who: None,
        })
    });
    let names: Vec<_> = world
        .people
        .iter()
        .map(|person| person.name.clone())
        .collect();
    let (broken, detail) = match held {
        Ok(()) => (None, String::new()),
        Err(violation) => {
            let who = violation.who.map_or("the world", |who| world.name(who));
            let detail = format!("{who}: {}: {}", violation.rule, violation.detail);
            world.tell(
                violation.who,
                format!("BROKEN: {}: {}", violation.rule, violation.detail),
            );
            (Some(violation.rule), detail)
        }
    };
    let figures = Figures {
        said: world.model.said.len(),
        shown: world
            .model
            .shown
            .iter()
            .map(std::collections::BTreeMap::len)
            .sum(),
        accepted: world.model.accepted.len(),
        starts: world.people.iter().map(|person| person.life).sum(),
        days: (world.now - BEGIN) / 86_400_000,
    };
    Outcome {
        broken,
        detail,
        step: world.step,
        story: world.story.text(&names, BEGIN),
        events: world.events,
        figures,
    }
}

fn live(world: &mut World<'_>) -> Held {
    if world.plan.acquainted.is_none() {
        world.begin()?;
    }
    world.liar.begin();
    for step in 0..world.plan.steps {
        if !world.plan.skips(step) {
            world.take_step(step)?;
        }
    }
    world.step = world.plan.steps;
    world.dice = Chance::of(world.plan.seed, world.plan.steps);
    world.come_to_rest()?;
    world.check_end()
}

/// How long something took, and what it came to in a second.
#[must_use]
pub fn rate(count: u64, since: Instant) -> (Duration, f64) {
    let took = since.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / took.as_secs_f64().max(0.001);
    (took, rate)
}
