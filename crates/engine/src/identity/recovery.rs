//! The 24 words from which an account can be taken back.

use std::fmt;
use std::str::FromStr;

use bip39::{Language, Mnemonic};
use sotto_suite::{Random, RandomExt as _, SealingKey, Secret, SigningKey, kdf};
use zeroize::Zeroizing;

/// 256 bits of entropy, written as 24 words of the BIP 39 English list with its checksum. Only
/// the list and checksum are BIP 39's: keys are derived from the entropy itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Secret<32>);

/// Words of a code.
const WORDS: usize = 24;

/// Why a text is not a recovery code. Nothing of the text is repeated, because most of it may be
/// right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryCodeError {
    /// Another number of words.
    #[error("a recovery code has 24 words, this has {0}")]
    WrongCount(usize),
    /// A word that is not in the list.
    #[error("word {0} is not in the word list")]
    UnknownWord(usize),
    /// Every word exists, but they don't belong together: one is another, or two are swapped.
    #[error("the words do not belong together; check their order and spelling")]
    WrongChecksum,
}

impl RecoveryCode {
    /// A fresh code.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(random.secret())
    }

    /// The code with this entropy, as it was stored.
    #[must_use]
    pub fn from_entropy(entropy: &Secret<32>) -> Self {
        Self(entropy.clone())
    }

    /// The entropy, to store until the person has written the words down.
    #[must_use]
    pub fn entropy(&self) -> &Secret<32> {
        &self.0
    }

    /// The 24 words, lower case, one space between.
    #[must_use]
    pub fn words(&self) -> Zeroizing<String> {
        // Long enough from the start: growing would leave parts of the code behind. A word has
        // at most eight letters.
        let mut out = Zeroizing::new(String::with_capacity(WORDS * 9));
        // 32 bytes are always 24 words.
        if let Ok(mnemonic) = Mnemonic::from_entropy_in(Language::English, self.0.expose()) {
            for word in mnemonic.words() {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(word);
            }
        }
        out
    }

    /// The only key that may replace the account key.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&kdf::derive(&self.0, "recovery signing key", &[]))
    }

    /// Where the account's vault lies on each of its relays.
    #[must_use]
    pub fn vault_address(&self) -> [u8; 16] {
        let long = kdf::derive(&self.0, "recovery vault address", &[]);
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(long.expose()) {
            *to = *from;
        }
        out
    }

    /// What the vault is sealed to.
    #[must_use]
    pub fn vault_key(&self) -> SealingKey {
        SealingKey::from_seed(&kdf::derive(&self.0, "recovery vault key", &[]))
    }
}

impl FromStr for RecoveryCode {
    type Err = RecoveryCodeError;

    /// Reads words in any case, with any white space around and between them.
    fn from_str(text: &str) -> Result<Self, RecoveryCodeError> {
        let count = text.split_whitespace().count();
        if count != WORDS {
            return Err(RecoveryCodeError::WrongCount(count));
        }
        let mut words = Zeroizing::new(String::with_capacity(text.len() + WORDS));
        for word in text.split_whitespace() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words).map_err(
            |error| match error {
                bip39::Error::UnknownWord(at) => RecoveryCodeError::UnknownWord(at + 1),
                bip39::Error::BadWordCount(count) => RecoveryCodeError::WrongCount(count),
                _ => RecoveryCodeError::WrongChecksum,
            },
        )?;
        let (bytes, _) = mnemonic.to_entropy_array();
        let bytes = Zeroizing::new(bytes);
        let entropy = bytes
            .get(..32)
            .and_then(|entropy| Secret::from_slice(entropy).ok());
        entropy.map(Self).ok_or(RecoveryCodeError::WrongChecksum)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(redacted)")
    }
}
