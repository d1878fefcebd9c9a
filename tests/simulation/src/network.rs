//! Streams between people and the relay, as TCP gives them: frames keep their order and are never
//! lost singly; a stream dies as a whole, and with it what was under way in either direction.

use std::collections::VecDeque;

use sotto_wire::{ClientFrame, RelayFrame};

use crate::chance::Chance;

/// Frames on their way in one direction, each with the time at which it arrives.
#[derive(Debug)]
pub(crate) struct Way<F>(VecDeque<(u64, F)>);

impl<F> Default for Way<F> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<F> Way<F> {
    pub(crate) fn send(&mut self, frame: F, now: u64, latency: u64) {
        let behind = self.0.back().map_or(0, |(due, _)| *due);
        self.0.push_back(((now + latency).max(behind), frame));
    }

    /// When the next one arrives.
    pub(crate) fn due(&self) -> Option<u64> {
        self.0.front().map(|(due, _)| *due)
    }

    /// What has arrived, at most so many.
    pub(crate) fn arrived(&mut self, now: u64, at_most: usize) -> Vec<F> {
        let count = self
            .0
            .iter()
            .take(at_most)
            .take_while(|(due, _)| *due <= now)
            .count();
        self.0.drain(..count).map(|(_, frame)| frame).collect()
    }

    /// The stream dies: some of what was under way still arrives, and nothing after it.
    pub(crate) fn last(&mut self, chance: &mut Chance) -> Vec<F> {
        let count = chance.index(self.0.len() + 1);
        let last = self.0.drain(..count).map(|(_, frame)| frame).collect();
        self.0.clear();
        last
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The relay's name for it.
    pub(crate) name: String,
    pub(crate) up: Way<ClientFrame>,
    pub(crate) down: Way<RelayFrame>,
    /// Milliseconds one way, at least.
    latency: u64,
}

impl Stream {
    pub(crate) fn new(name: String, chance: &mut Chance) -> Self {
        let latency = chance.weighted(&[(4, 5), (4, 40), (2, 400), (1, 3_000)]);
        Self {
            name,
            up: Way::default(),
            down: Way::default(),
            latency,
        }
    }

    pub(crate) fn latency(&self, chance: &mut Chance) -> u64 {
        self.latency + chance.below(self.latency * 2)
    }
}
