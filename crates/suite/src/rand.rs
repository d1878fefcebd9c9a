//! Randomness as an argument.
//!
//! Whatever needs random bytes takes a `&mut dyn Random`; only a host creates a
//! [`SystemRandom`]. A simulation passes a [`SeededRandom`] and replays exactly.

use ring::rand::SecureRandom as _;

use crate::{Secret, kdf};

/// A source of random bytes.
pub trait Random: Send {
    /// Fills `out` with random bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// What every [`Random`] can give besides filling a slice; also for `dyn Random`.
pub trait RandomExt: Random {
    /// `N` random bytes that are not secret: an id, a salt, a nonce.
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// `N` random bytes that are secret from the start.
    fn secret<const N: usize>(&mut self) -> Secret<N> {
        Secret::fill(|out| self.fill(out))
    }
}

impl<R: Random + ?Sized> RandomExt for R {}

impl<R: Random + ?Sized> Random for &mut R {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

impl<R: Random + ?Sized> Random for Box<R> {
    fn fill(&mut self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

/// The operating system's generator, through `ring`.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// The generator; cheap, holds no state of its own.
    #[must_use]
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system gives no randomness. No key made after that
    /// could be trusted, and no caller could do anything but stop.
    fn fill(&mut self, out: &mut [u8]) {
        if self.0.fill(out).is_err() {
            no_randomness();
        }
    }
}

#[allow(
    clippy::panic,
    reason = "without randomness every further key would be guessable; stopping is the only safe answer"
)]
#[cold]
fn no_randomness() -> ! {
    panic!("the operating system gives no randomness");
}

/// A generator that repeats itself from a seed. **For simulations and tests
/// only**: whoever knows the seed knows every key made with it.
///
/// Block `i` of the stream is 1,024 zero bytes encrypted with ChaCha20-Poly1305
/// under the seed's key and nonce `i`.
#[derive(Clone)]
pub struct SeededRandom {
    key: Secret<32>,
    next_block: u64,
    block: Vec<u8>,
}

/// Bytes made at once.
const BLOCK: usize = 1024;

impl SeededRandom {
    /// The generator of this seed, at its beginning.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            key: kdf::derive(&Secret::new(seed), "seeded random", &[]),
            next_block: 0,
            block: Vec::new(),
        }
    }

    fn refill(&mut self) {
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().zip(self.next_block.to_be_bytes()) {
            *to = from;
        }
        self.next_block = self.next_block.wrapping_add(1);
        self.block = crate::aead::AeadKey::new(&self.key).seal(nonce, b"", &[0; BLOCK]);
        // The authentication tag at the end depends on the rest: leave it out.
        self.block.truncate(BLOCK);
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.block.is_empty() {
                self.refill();
            }
            *byte = self.block.pop().unwrap_or_default();
        }
    }
}

impl core::fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SeededRandom(redacted)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Random, RandomExt as _, SeededRandom, SystemRandom};

    #[test]
    fn a_seed_replays_whatever_the_sizes_asked_for() {
        let mut whole = SeededRandom::new([1; 32]);
        let mut parts = SeededRandom::new([1; 32]);
        let expected: [u8; 3000] = whole.bytes();
        let mut got = vec![0; 3000];
        for chunk in got.chunks_mut(7) {
            parts.fill(chunk);
        }
        assert_eq!(got, expected);
        assert_ne!(
            SeededRandom::new([2; 32]).bytes::<32>(),
            SeededRandom::new([1; 32]).bytes::<32>()
        );
    }

    #[test]
    fn works_behind_a_reference_and_in_a_box() {
        fn differs(mut random: impl Random) -> bool {
            random.bytes::<32>() != random.bytes::<32>()
        }
        assert!(differs(&mut SystemRandom::new()));
        assert!(differs(Box::new(SystemRandom::new())));
    }

    #[test]
    fn works_behind_a_trait_object() {
        let mut system = SystemRandom::new();
        let random: &mut dyn Random = &mut system;
        assert_ne!(random.bytes::<32>(), random.bytes::<32>());
        assert_ne!(random.secret::<32>(), random.secret::<32>());
    }
}
