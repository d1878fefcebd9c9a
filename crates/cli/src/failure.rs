//! How the program ends when it can't go on: three sentences and an exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use sotto_client::contract::Problem;

/// Why the program ends.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

impl Failure {
    /// The system gives out of what every program needs.
    pub(crate) fn system(error: &dyn std::fmt::Display) -> Self {
        Self(Problem {
            code: "system".into(),
            happened: format!("The system could not do what was needed ({error})."),
            safe: "Your profiles are untouched.".into(),
            next: "Close other programs and try again.".into(),
        })
    }

    pub(crate) fn no_data_folder() -> Self {
        Self(Problem {
            code: "data_folder".into(),
            happened: "This system does not say where a program may keep its data.".into(),
            safe: "Nothing was made or changed.".into(),
            next: "Say where: --data DIR.".into(),
        })
    }

    /// Something would have to be asked, and nobody is there to answer.
    pub(crate) fn nobody_to_ask(what: &str, flag: &str) -> Self {
        Self(Problem {
            code: "nobody_to_ask".into(),
            happened: format!("{what} is needed, and there is no terminal to ask in."),
            safe: "Nothing was made or changed.".into(),
            next: format!("Give it with {flag}."),
        })
    }

    /// The person ended it while something was asked.
    pub(crate) fn cancelled() -> Self {
        Self(Problem {
            code: "cancelled".into(),
            happened: "You ended this before everything was answered.".into(),
            safe: "Nothing was made or changed.".into(),
            next: "Start again when you like.".into(),
        })
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let Problem {
            happened,
            safe,
            next,
            code,
        } = &self.0;
        let words = format!("{happened} {safe} {next}");
        let words = crate::chat::clean::line(&words);
        if std::io::stderr().is_terminal() {
            eprintln!("{words}");
        } else {
            eprintln!("sotto: {words} [{code}]");
        }
        ExitCode::from(exit_code(code))
    }
}

fn exit_code(code: &str) -> u8 {
    let about = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    if about(&["keychain_", "key_", "passphrase_", "wrong_passphrase"]) {
        3
    } else if about(&["profile_", "data_folder", "database_", "store_"]) {
        4
    } else {
        1
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::system(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn keys_and_profiles_have_exit_codes_of_their_own() {
        assert_eq!(exit_code("keychain_locked"), 3);
        assert_eq!(exit_code("wrong_passphrase"), 3);
        assert_eq!(exit_code("profile_newer"), 4);
        assert_eq!(exit_code("relay_address_invalid"), 1);
    }
}
