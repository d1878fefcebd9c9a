//! The command line, without a dependency: words, flags and options with a value.

use crate::failure::Failure;

/// What is left of the command line. Each routine takes what it knows and then calls
/// [`Args::finish`], so that a misspelt flag is an error and not silence.
#[derive(Debug)]
pub(crate) struct Args(Vec<String>);

impl Args {
    pub(crate) fn from_command_line() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The next word that is not a flag.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|part| !part.starts_with("--"))?;
        Some(self.0.remove(at))
    }

    /// Whether `--name` was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|part| part != name);
        self.0.len() != before
    }

    /// The value of `--name VALUE` or `--name=VALUE`.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let with_equals = format!("{name}=");
        let Some(at) = self
            .0
            .iter()
            .position(|part| part == name || part.starts_with(&with_equals))
        else {
            return Ok(None);
        };
        let part = self.0.remove(at);
        if let Some(value) = part.strip_prefix(&with_equals) {
            return Ok(Some(value.to_owned()));
        }
        if at < self.0.len() {
            return Ok(Some(self.0.remove(at)));
        }
        Err(Failure::usage(format!("`{name}` wants a value after it")))
    }

    /// The value of a numeric option.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(value) = self.option(name)? else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::usage(format!(
                "`{name}` wants a whole number, not `{value}`"
            ))),
        }
    }

    /// Everything that is left, for somebody else to understand.
    pub(crate) fn rest(self) -> Vec<String> {
        self.0
    }

    /// Nothing may be left over.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.0.first() {
            None => Ok(()),
            Some(part) => Err(Failure::usage(format!("`{part}` means nothing here"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn args(line: &str) -> Args {
        Args(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn options_take_both_spellings_and_flags_are_found_anywhere() {
        let mut line = args("talk.jsonl --limit 3 --kill");
        assert!(line.flag("--kill"));
        assert_eq!(line.number("--limit").unwrap(), Some(3));
        assert_eq!(line.word().unwrap(), "talk.jsonl");
        line.finish().unwrap();
        assert_eq!(args("--limit=7").number("--limit").unwrap(), Some(7));
    }

    #[test]
    fn a_misspelt_flag_a_missing_value_and_a_word_for_a_number_are_refused() {
        assert!(args("--yse").finish().is_err());
        assert!(args("--limit").number("--limit").is_err());
        assert!(args("--limit many").number("--limit").is_err());
    }
}
