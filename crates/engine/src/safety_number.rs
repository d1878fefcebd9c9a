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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn ids() -> (AccountId, AccountId) {
        (AccountId([0xA1; 32]), AccountId([0xB0; 32]))
    }

    /// Computed by another program from the description in the protocol document.
    #[test]
    fn the_digits_are_as_described() {
        let (alice, bob) = ids();
        assert_eq!(
            safety_number(&alice, &bob).to_string(),
            "07605 48720 68317 96125 72357 78025 08960 69729 06583 67369 55725 08376"
        );
        assert_eq!(short_code(&alice, &bob, &[7; 32]).to_string(), "006 843");
    }

    #[test]
    fn both_sides_see_the_same() {
        let (alice, bob) = ids();
        assert_eq!(safety_number(&alice, &bob), safety_number(&bob, &alice));
        assert_eq!(
            short_code(&alice, &bob, b"e"),
            short_code(&bob, &alice, b"e")
        );
    }

    #[test]
    fn one_bit_of_either_id_changes_its_half() {
        let (alice, bob) = ids();
        let mut other = bob;
        other.0[31] ^= 1;
        let (before, after) = (safety_number(&alice, &bob), safety_number(&alice, &other));
        let (low, high) = (&before.groups()[..6], &before.groups()[6..]);
        assert_eq!(low, &after.groups()[..6]);
        let kept = high
            .iter()
            .zip(&after.groups()[6..])
            .filter(|(a, b)| a == b);
        assert!(kept.count() <= 1);
    }

    #[test]
    fn the_short_code_belongs_to_one_epoch() {
        let (alice, bob) = ids();
        assert_ne!(
            short_code(&alice, &bob, &[1; 32]),
            short_code(&alice, &bob, &[2; 32])
        );
    }

    #[test]
    fn digits_keep_their_leading_zeros() {
        let number = SafetyNumber([0, 1, 22, 333, 4444, 55555, 0, 1, 22, 333, 4444, 99999]);
        let text = number.to_string();
        assert_eq!(
            text,
            "00000 00001 00022 00333 04444 55555 00000 00001 00022 00333 04444 99999"
        );
        assert_eq!(text.chars().filter(char::is_ascii_digit).count(), 60);
        assert_eq!(ShortCode(7).to_string(), "000 007");
    }
}
