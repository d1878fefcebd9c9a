//! What a profile is called on this machine. Other people never see it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name, in bytes.
const LONGEST: usize = 32;
/// Names that Windows keeps for devices, whatever the folder.
const RESERVED: &[&str] = &["con", "prn", "aux", "nul"];

/// The name of a profile, which is also that of its folder: 1 to 32 of `a-z`, `0-9`, `-`, `_`,
/// beginning with a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProfileName(String);

/// The caller's: not a profile name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a profile's name is 1 to 32 small letters, digits, - or _")]
pub struct NameError;

impl ProfileName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= LONGEST
            && text.bytes().next().is_some_and(allowed)
            && text
                .bytes()
                .all(|byte| allowed(byte) || byte == b'-' || byte == b'_')
            && !RESERVED.contains(&text)
            && !is_numbered_device(text);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError)
        }
    }
}

/// `com1` to `com9`, `lpt1` to `lpt9`.
fn is_numbered_device(text: &str) -> bool {
    let number = text
        .strip_prefix("com")
        .or_else(|| text.strip_prefix("lpt"));
    number.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProfileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProfileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
impl ts_rs::TS for ProfileName {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;
    fn name(_: &ts_rs::Config) -> String {
        "string".into()
    }
    fn inline(_: &ts_rs::Config) -> String {
        "string".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_folder_names_and_nothing_that_leaves_the_folder() {
        for good in ["alice", "bob-2", "4ever", "a", "com10", "command"] {
            assert!(good.parse::<ProfileName>().is_ok(), "{good}");
        }
        let long = "a".repeat(33);
        for bad in [
            "", ".", "..", "a/b", "a\\b", "Alice", "-a", "_a", "é", "con", "lpt1", "a b", "a\0",
            &long,
        ] {
            assert_eq!(bad.parse::<ProfileName>(), Err(NameError), "{bad:?}");
        }
    }
}
