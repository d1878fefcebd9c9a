//! A passphrase, and the key it stretches to.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Deserializer};
use sotto_suite::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use super::KeyError;

/// Fewest characters of a new passphrase.
const SHORTEST: usize = 8;

/// What a person types to open a profile. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes it over as typed: every byte counts.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// # Errors
    /// [`KeyError::PassphraseTooShort`] for less than 8 characters.
    pub(super) fn long_enough(&self) -> Result<(), KeyError> {
        if self.0.chars().count() < SHORTEST {
            return Err(KeyError::PassphraseTooShort);
        }
        Ok(())
    }

    /// Argon2id (RFC 9106) over the passphrase. Takes a tenth of a second and more: never call it
    /// on a task.
    pub(super) fn stretch(&self, cost: Cost, salt: &[u8; 16]) -> Result<Secret<32>, KeyError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
            .map_err(|error| KeyError::KeyFileDamaged(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut result = Ok(());
        let key =
            Secret::fill(|out| result = argon.hash_password_into(self.0.as_bytes(), salt, out));
        result.map_err(|error| KeyError::System(error.to_string()))?;
        Ok(key)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

impl<'de> Deserialize<'de> for Passphrase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl From<Vec<u8>> for Passphrase {
    /// Bytes that are no UTF-8 are taken with replacement marks, the same each time.
    fn from(mut bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        bytes.zeroize();
        Self::new(text)
    }
}

#[cfg(test)]
impl ts_rs::TS for Passphrase {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;
    fn name(_: &ts_rs::Config) -> String {
        "string".into()
    }
    fn inline(_: &ts_rs::Config) -> String {
        "string".into()
    }
}

/// How dear one try of a passphrase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Cost {
    /// For new key files: the memory-limited choice of RFC 9106 section 4, in one lane.
    pub(super) const NEW: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };

    /// A key file may ask for more than a new one would, but not for so much that opening it
    /// stops the machine, nor for so little that guessing is cheap.
    pub(super) fn is_sane(self) -> bool {
        (8 * 1024..=1024 * 1024).contains(&self.memory_kib)
            && (1..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_of_itself() {
        assert_eq!(
            format!("{:?}", Passphrase::from("correct horse")),
            "Passphrase(redacted)"
        );
    }

    #[test]
    fn counts_characters_not_bytes() {
        assert!(Passphrase::from("ééééééé").long_enough().is_err());
        assert!(Passphrase::from("éééééééé").long_enough().is_ok());
    }

    #[test]
    fn salt_cost_and_text_all_count() {
        let cost = Cost {
            memory_kib: 8 * 1024,
            ..Cost::NEW
        };
        let one = Passphrase::from("correct horse")
            .stretch(cost, &[1; 16])
            .unwrap();
        assert_eq!(
            one,
            Passphrase::from("correct horse")
                .stretch(cost, &[1; 16])
                .unwrap()
        );
        assert_ne!(
            one,
            Passphrase::from("correct horsE")
                .stretch(cost, &[1; 16])
                .unwrap()
        );
        assert_ne!(
            one,
            Passphrase::from("correct horse")
                .stretch(cost, &[2; 16])
                .unwrap()
        );
        let dearer = Cost { passes: 4, ..cost };
        assert_ne!(
            one,
            Passphrase::from("correct horse")
                .stretch(dearer, &[1; 16])
                .unwrap()
        );
    }
}
