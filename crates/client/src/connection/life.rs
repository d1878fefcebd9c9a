//! Whether a relay is still there, and still hears us.
//!
//! A way can die in one direction alone, where something between us and the relay goes on in its
//! name. Then deliveries still come, and what is sent is gone; so what shows life is an answer to
//! something of ours, and everything else is only a reason for patience.

use std::time::Duration;

use sotto_wire::RelayFrame;
use tokio::time::Instant;

use crate::Timing;

/// A pong behind so many bytes is late on a slow line, not lost.
const BULK: usize = 64 * 1024;

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Wait,
    /// Send a ping.
    Ask,
    /// Give the connection up.
    GiveUp,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Life {
    heard: Instant,
    /// Something was written that no ping stands behind.
    wrote: bool,
    asked: Option<Asked>,
}

/// A ping that was not answered yet.
#[derive(Debug)]
struct Asked {
    at: Instant,
    /// Bytes that came since.
    bytes: usize,
}

impl Life {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            wrote: false,
            asked: None,
        }
    }

    /// Something of so many bytes came that says nothing of whether we are heard.
    pub(super) fn heard(&mut self, bytes: usize, now: Instant) {
        self.heard = now;
        if let Some(asked) = &mut self.asked {
            asked.bytes = asked.bytes.saturating_add(bytes);
            if asked.bytes >= BULK {
                *asked = Asked { at: now, bytes: 0 };
            }
        }
    }

    /// A frame came.
    pub(super) fn frame(&mut self, frame: &RelayFrame, bytes: usize, now: Instant) {
        self.heard(bytes, now);
        // A ping can stand behind much that is still on its way out.
        if let (RelayFrame::Reply { .. } | RelayFrame::Refused { .. }, Some(asked)) =
            (frame, &mut self.asked)
        {
            *asked = Asked { at: now, bytes: 0 };
        }
    }

    /// A pong came.
    pub(super) fn answered(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
    }

    /// Nothing was read for so long: what lay in the socket meanwhile is no silence.
    pub(super) fn not_read(&mut self, pause: Duration) {
        self.heard += pause;
        if let Some(asked) = &mut self.asked {
            asked.at += pause;
        }
    }

    /// Something was written.
    pub(super) fn wrote(&mut self) {
        self.wrote = true;
    }

    /// To be asked every [`Timing::ping`].
    pub(super) fn look(&mut self, timing: &Timing, now: Instant) -> Next {
        let silent = now.saturating_duration_since(self.heard);
        if let Some(asked) = &self.asked {
            let unanswered = now.saturating_duration_since(asked.at);
            return if silent.max(unanswered) >= timing.silence {
                Next::GiveUp
            } else {
                Next::Wait
            };
        }
        // Half a beat early counts: the next look would be too late.
        if self.wrote || silent >= timing.ping / 2 {
            self.wrote = false;
            self.asked = Some(Asked { at: now, bytes: 0 });
            return Next::Ask;
        }
        Next::Wait
    }
}

#[cfg(test)]
mod tests {
    use sotto_wire::Reply;

    use super::*;

    /// Looks every beat of the default timing for five minutes, after `between` had its say, and
    /// tells after how many seconds the connection was given up.
    fn given_up_after(mut between: impl FnMut(&mut Life, Instant)) -> Option<u64> {
        let timing = Timing::default();
        let start = Instant::now();
        let mut life = Life::new(start);
        (1..=300).find(|second| {
            let now = start + Duration::from_secs(*second);
            between(&mut life, now);
            second % timing.ping.as_secs() == 0 && life.look(&timing, now) == Next::GiveUp
        })
    }

    #[test]
    fn silence_ends_it() {
        assert_eq!(given_up_after(|_, _| {}), Some(60));
    }

    #[test]
    fn pongs_keep_it() {
        assert_eq!(given_up_after(|life, now| life.answered(now)), None);
    }

    #[test]
    fn deliveries_do_not_make_up_for_pings_without_answer() {
        let told = given_up_after(|life, now| {
            life.wrote();
            life.heard(600, now);
        });
        assert_eq!(told, Some(80));
    }

    #[test]
    fn who_only_listens_and_has_nothing_to_say_needs_no_answer() {
        assert_eq!(given_up_after(|life, now| life.heard(600, now)), None);
    }

    #[test]
    fn a_pong_behind_a_large_delivery_is_waited_for() {
        let told = given_up_after(|life, now| {
            life.wrote();
            life.heard(5_000, now);
        });
        assert_eq!(told, None);
    }

    #[test]
    fn answers_to_requests_show_that_a_slow_line_still_carries() {
        let reply = RelayFrame::Reply {
            id: 1,
            reply: Reply::Done,
        };
        let told = given_up_after(|life, now| {
            life.wrote();
            life.frame(&reply, 10, now);
        });
        assert_eq!(told, None);
    }

    #[test]
    fn what_was_not_read_is_no_silence() {
        let told = given_up_after(|life, _| life.not_read(Duration::from_secs(1)));
        assert_eq!(told, None);
    }
}
