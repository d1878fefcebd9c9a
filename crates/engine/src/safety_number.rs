//! Digits that two people compare, to know that nobody sits between them.

use std::fmt;

use sotto_suite::hash::sha256;

use crate::AccountId;

/// Rounds of hashing for each account id: who wants an account with chosen digits pays them for
/// every attempt.
const ROUNDS: usize = 5_200;

const LABEL: &[u8] = b"sotto safety number v1\0";
const SHORT_LABEL: &[u8] = b"sotto short code v1\0";

/// 60 digits made from two account ids, the same on both sides. It changes only if one of them
/// is another account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafetyNumber([u32; 12]);

/// Six digits for two people who look at each other's screens while they meet: they fit one
/// conversation's epoch, not only the two accounts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShortCode(u32);

/// The safety number of two accounts, in either order.
#[must_use]
pub fn safety_number(one: &AccountId, other: &AccountId) -> SafetyNumber {
    let (low, high) = sorted(one, other);
    let mut groups = [0; 12];
    let digits = half(low).into_iter().chain(half(high));
    for (group, digits) in groups.iter_mut().zip(digits) {
        *group = digits;
    }
    SafetyNumber(groups)
}

/// The short code of two accounts, in either order, and the authenticator of the epoch that the
/// inviter's acceptance began (RFC 9420, section 8.7).
///
/// Guessing it takes a million attempts and each costs a meeting, but it can be searched for by
/// whoever chooses keys freely: it is only ever compared after both sides are committed.
#[must_use]
pub fn short_code(one: &AccountId, other: &AccountId, epoch_authenticator: &[u8]) -> ShortCode {
    let (low, high) = sorted(one, other);
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[SHORT_LABEL, &low.0, &high.0, epoch_authenticator]);
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000;
    ShortCode(u32::try_from(number).unwrap_or_default())
}

fn sorted<'a>(one: &'a AccountId, other: &'a AccountId) -> (&'a AccountId, &'a AccountId) {
    if one <= other {
        (one, other)
    } else {
        (other, one)
    }
}

/// Six groups of five digits from one account id: about 100 bits.
fn half(account: &AccountId) -> [u32; 6] {
    let mut hash = sha256(&[LABEL, &account.0]);
    for _ in 1..ROUNDS {
        hash = sha256(&[&hash, &account.0]);
    }
    let mut groups = [0; 6];
    for (group, bytes) in groups.iter_mut().zip(hash.chunks_exact(5)) {
        let number = bytes
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        *group = u32::try_from(number % 100_000).unwrap_or_default();
    }
    groups
}

impl SafetyNumber {
    /// The twelve groups, each below 100,000.
    #[must_use]
    pub fn groups(&self) -> &[u32; 12] {
        &self.0
    }
}

/// Twelve groups of five digits, one space between.
impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, group) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{group:05}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafetyNumber({self})")
    }
}

/// Six digits, a space in the middle.
impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortCode({self})")
    }
}
