//! Makes a failing world shorter, as long as the same promise breaks.

use crate::plan::{Deed, Plan};
use crate::run::{Outcome, Stage, play};

/// A shorter plan that breaks the same promise, and how it ends. `budget` bounds the worlds that
/// are tried.
pub fn shrink(plan: &Plan, outcome: &Outcome, stage: &mut Stage, budget: u64) -> (Plan, Outcome) {
    let mut search = Search {
        best: plan.clone(),
        outcome: outcome.clone(),
        budget,
        stage,
    };
    search.end_earlier();
    search.fewer_people();
    search.fewer_deeds();
    search.fewer_steps();
    search.fewer_deeds();
    (search.best, search.outcome)
}

struct Search<'s> {
    best: Plan,
    outcome: Outcome,
    budget: u64,
    stage: &'s mut Stage,
}

impl Search<'_> {
    /// Takes the plan if it breaks the same promise.
    fn fails(&mut self, plan: Plan) -> bool {
        if self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        let outcome = play(&plan, self.stage);
        let same = outcome.broken.is_some() && outcome.broken == self.outcome.broken;
        if same {
            self.best = plan;
            self.outcome = outcome;
        }
        same
    }

    fn end_earlier(&mut self) {
        // What is found in a step needs no later one.
        let mut plan = self.best.clone();
        plan.steps = plan.steps.min(self.outcome.step + 1);
        self.fails(plan);
        let mut cut = self.best.steps / 2;
        while cut > 0 {
            let mut plan = self.best.clone();
            plan.steps = plan.steps.saturating_sub(cut).max(1);
            if plan.steps == self.best.steps || !self.fails(plan) {
                cut /= 2;
            }
        }
    }

    fn fewer_people(&mut self) {
        for people in 2..self.best.people {
            let mut plan = self.best.clone();
            plan.people = people;
            if self.fails(plan) {
                return;
            }
        }
    }

    fn fewer_deeds(&mut self) {
        for deed in Deed::ALL {
            let mut plan = self.best.clone();
            if plan.without.insert(*deed) {
                self.fails(plan);
            }
        }
    }

    /// Steps are left out in ever smaller pieces.
    fn fewer_steps(&mut self) {
        let mut piece = (self.best.steps / 2).max(1);
        loop {
            let mut from = 0;
            while from < self.best.steps {
                let until = (from + piece).min(self.best.steps) - 1;
                let mut plan = self.best.clone();
                let before = plan.taken();
                plan.skip.push(from..=until);
                plan.skip = joined(&plan);
                if plan.taken() < before {
                    self.fails(plan);
                }
                from += piece;
            }
            if piece == 1 || self.budget == 0 {
                return;
            }
            piece = (piece / 2).max(1);
        }
    }
}

/// The same steps in as few ranges as possible.
fn joined(plan: &Plan) -> Vec<std::ops::RangeInclusive<u64>> {
    let mut ranges: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for step in (0..plan.steps).filter(|step| plan.skips(*step)) {
        match ranges.last_mut() {
            Some(last) if last.end() + 1 == step => *last = *last.start()..=step,
            _ => ranges.push(step..=step),
        }
    }
    ranges
}
