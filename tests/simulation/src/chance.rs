//! Dice that fall the same way for the same seed. Every step has dice of its own, so that a step
//! that is left out does not change what the others do.

/// SplitMix64 (Steele, Lea, Flood 2014), after bytes that somebody has chosen, if there are any.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    state: u64,
    /// The next one last.
    chosen: Vec<u8>,
}

impl Chance {
    /// The dice of one purpose of one seed.
    pub(crate) fn of(seed: u64, purpose: u64) -> Self {
        let mut chance = Self {
            state: seed ^ purpose.wrapping_mul(0xd134_2543_de82_ef95),
            chosen: Vec::new(),
        };
        chance.any();
        chance
    }

    /// The same, but the first to decide are these bytes, one a decision.
    pub(crate) fn chosen(seed: u64, purpose: u64, bytes: &[u8]) -> Self {
        Self {
            chosen: bytes.iter().rev().copied().collect(),
            ..Self::of(seed, purpose)
        }
    }

    pub(crate) fn any(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        match self.chosen.pop() {
            // Stretched, so that a byte reaches every choice of more than 256, if not each.
            Some(byte) if bound > 256 => u64::from(byte) * (bound / 256),
            Some(byte) => u64::from(byte).checked_rem(bound).unwrap_or(0),
            None => self.any().checked_rem(bound).unwrap_or(0),
        }
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.index(from.len()))
    }

    /// One of these, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, what) in from {
            if left < *weight {
                return *what;
            }
            left -= weight;
        }
        from[0].1
    }

    /// 32 bytes for a generator of its own.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&self.any().to_be_bytes());
        }
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_repeats_and_each_purpose_has_its_own_dice() {
        let draw = |seed, purpose| {
            let mut chance = Chance::of(seed, purpose);
            [(); 4].map(|()| chance.below(1000))
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn chosen_bytes_decide_first() {
        let mut chance = Chance::chosen(7, 1, &[3, 255, 128]);
        assert_eq!(chance.below(10), 3);
        assert_eq!(chance.below(1_000), 255 * 3);
        assert_eq!(chance.below(128), 0);
        let mut left = Chance::of(7, 1);
        assert_eq!(chance.below(1_000), left.below(1_000));
    }

    #[test]
    fn weights_are_kept() {
        let mut chance = Chance::of(1, 1);
        let mut heavy = 0;
        for _ in 0..1000 {
            heavy += u64::from(chance.weighted(&[(1, false), (9, true)]));
        }
        assert!((850..950).contains(&heavy), "{heavy}");
    }
}
