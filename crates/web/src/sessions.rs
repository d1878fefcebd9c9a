//! Who is let in: the one token that is good, the ones that were, and the sessions that came of
//! them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sotto_suite::{RandomExt as _, Secret, SystemRandom};

use crate::problem::Refused;

/// Spent tokens that are remembered, to say so in words when one comes again.
const SPENT: usize = 64;

/// Tokens and sessions of one host, in its memory alone.
pub(crate) struct Sessions(Mutex<State>);

struct State {
    /// Lets the next browser in.
    token: Secret<32>,
    spent: VecDeque<Secret<32>>,
    sessions: Vec<Secret<32>>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            token: SystemRandom::new().secret(),
            spent: VecDeque::new(),
            sessions: Vec::new(),
        }))
    }

    /// The token that is good now, as text.
    pub(crate) fn token(&self) -> String {
        text(&self.lock().token)
    }

    /// Exchanges the good token for a session. Another takes its place.
    pub(crate) fn exchange(&self, token: &Secret<32>) -> Result<String, Refused> {
        let mut state = self.lock();
        state.spend(token)?;
        let session: Secret<32> = SystemRandom::new().secret();
        let answer = text(&session);
        state.sessions.push(session);
        Ok(answer)
    }

    /// The token came from where it must not be known. If it is the good one it is good no more.
    pub(crate) fn revoke(&self, token: &Secret<32>) -> bool {
        self.lock().spend(token).is_ok()
    }

    /// Is this a session? All are compared, whichever it is.
    pub(crate) fn knows(&self, session: &Secret<32>) -> bool {
        let state = self.lock();
        let known = state.sessions.iter();
        known.fold(false, |found, one| found | (one == session))
    }

    /// Nothing that can panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn spend(&mut self, token: &Secret<32>) -> Result<(), Refused> {
        if self.token == *token {
            let spent = std::mem::replace(&mut self.token, SystemRandom::new().secret());
            if self.spent.len() >= SPENT {
                self.spent.pop_front();
            }
            self.spent.push_back(spent);
            Ok(())
        } else if self.spent.contains(token) {
            Err(Refused::TokenUsed)
        } else {
            Err(Refused::TokenUnknown)
        }
    }
}

/// 32 secret bytes as text.
pub(crate) fn text(secret: &Secret<32>) -> String {
    URL_SAFE_NO_PAD.encode(secret.expose())
}

/// 32 secret bytes from text. None: it is no such text.
pub(crate) fn secret(text: &str) -> Option<Secret<32>> {
    // Twice, because what decodes could be longer than what it is decoded into.
    if text.len() != 43 {
        return None;
    }
    let mut good = false;
    let secret = Secret::fill(|bytes| {
        good = URL_SAFE_NO_PAD.decode_slice(text, bytes) == Ok(32);
    });
    good.then_some(secret)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_token_lets_in_once_and_the_next_one_is_another() {
        let sessions = Sessions::new();
        let first = secret(&sessions.token()).unwrap();
        let session = secret(&sessions.exchange(&first).unwrap()).unwrap();
        assert!(sessions.knows(&session));
        assert!(!sessions.knows(&first));
        assert_eq!(sessions.exchange(&first), Err(Refused::TokenUsed));
        let second = secret(&sessions.token()).unwrap();
        assert!(sessions.exchange(&second).is_ok());
        // Whoever is in stays in.
        assert!(sessions.knows(&session));
    }

    #[test]
    fn a_revoked_token_is_dead_and_the_next_one_lives() {
        let sessions = Sessions::new();
        let stolen = secret(&sessions.token()).unwrap();
        assert!(sessions.revoke(&stolen));
        assert!(!sessions.revoke(&stolen));
        assert_eq!(sessions.exchange(&stolen), Err(Refused::TokenUsed));
        assert!(
            sessions
                .exchange(&secret(&sessions.token()).unwrap())
                .is_ok()
        );
    }

    #[test]
    fn what_nobody_made_is_unknown() {
        let sessions = Sessions::new();
        let guessed = Secret::new([7; 32]);
        assert_eq!(sessions.exchange(&guessed), Err(Refused::TokenUnknown));
        assert!(!sessions.revoke(&guessed));
        assert!(!sessions.knows(&guessed));
    }

    #[test]
    fn only_43_characters_of_the_alphabet_are_a_secret() {
        let good = text(&Secret::new([0xFB; 32]));
        assert_eq!(secret(&good).unwrap(), Secret::new([0xFB; 32]));
        for bad in [
            "",
            "a",
            &good[1..],
            &format!("{good}A"),
            &good.replace('-', "+"),
        ] {
            assert!(secret(bad).is_none(), "{bad}");
        }
    }
}
