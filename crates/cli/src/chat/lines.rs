//! How messages look.

use jiff::Timestamp as Moment;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sotto_client::contract::{Author, Body, MessageView, Notice, Timestamp};

use super::clean;
use super::line::Line;
use super::style::{Tone, mark};

/// Cells before the first line's name: time, mark and the spaces between.
const INDENT: usize = 9;

/// Turns messages into lines.
#[derive(Debug)]
pub(super) struct Lines {
    zone: TimeZone,
    /// The day of the line before.
    day: Option<Date>,
}

impl Lines {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, day: None }
    }

    /// Begins another conversation: its first message gets its day again.
    pub(super) fn begin(&mut self) {
        self.day = None;
    }

    /// A separator if the message begins another day.
    pub(super) fn day(&mut self, message: &MessageView, now: Timestamp) -> Option<Line> {
        let day = self.date(message.sent);
        if self.day == Some(day) {
            return None;
        }
        self.day = Some(day);
        let today = self.date(now);
        let word = if day == today {
            "Today, "
        } else if day.tomorrow().is_ok_and(|next| next == today) {
            "Yesterday, "
        } else {
            ""
        };
        let text = format!("── {word}{} ──", day.strftime("%A %-d %B %Y"));
        Some(Line::new(vec![(text, Tone::Quiet)]))
    }

    /// The lines of one message.
    pub(super) fn message(&self, message: &MessageView, name: &str) -> Vec<Line> {
        let time = (format!("{} ", self.time(message.sent)), Tone::Quiet);
        let (mark, tone) = mark(message.delivery);
        let mark = (format!("{mark} "), tone);
        let text = match &message.body {
            Body::Text { text } => text.as_str(),
            Body::Newer => "(sent by a newer version of Sotto; update to read it)",
            Body::Notice { notice } => {
                let words = (words(*notice).to_owned(), Tone::App);
                return vec![Line::new(vec![time, mark, words]).hanging(INDENT)];
            }
        };
        let who = match message.author {
            Author::Me => ("you".to_owned(), Tone::Me),
            Author::Them => (name.to_owned(), Tone::Them),
            Author::App => ("Sotto".to_owned(), Tone::App),
        };
        let mut lines = clean::lines(text).into_iter();
        let first = format!(": {}", lines.next().unwrap_or_default());
        let first = Line::new(vec![time, mark, who, (first, Tone::Plain)]);
        let mut out = vec![first.hanging(INDENT)];
        for line in lines {
            let line = (format!("{:INDENT$}{line}", ""), Tone::Plain);
            out.push(Line::new(vec![line]).hanging(INDENT));
        }
        out
    }

    /// Day and time, for lists.
    pub(super) fn day_and_time(&self, at: Timestamp) -> String {
        self.moment(at).strftime("%-d %b %H:%M").to_string()
    }

    fn time(&self, at: Timestamp) -> String {
        self.moment(at).strftime("%H:%M").to_string()
    }

    fn date(&self, at: Timestamp) -> Date {
        self.moment(at).date()
    }

    /// A sender's clock may say anything; what no calendar knows is shown as 1970.
    fn moment(&self, at: Timestamp) -> jiff::Zoned {
        let at = i64::try_from(at.0)
            .ok()
            .and_then(|ms| Moment::from_millisecond(ms).ok());
        at.unwrap_or_default().to_zoned(self.zone.clone())
    }
}

fn words(notice: Notice) -> &'static str {
    match notice {
        Notice::Unopenable => {
            "A message could not be opened. Nothing else is affected; ask for it to be sent again."
        }
        Notice::Gap => {
            "Messages from before are gone: the relay deleted them before this device came back."
        }
        Notice::Accepted => "You can talk now. Everything here is end-to-end encrypted.",
        Notice::Halted => {
            "This conversation's keys are damaged, so sending is held. Everything received is kept. \
             Meet again through a new invite."
        }
        Notice::KeysChanged => {
            "The other side's keys have changed. Compare the safety numbers again: /verify"
        }
    }
}

#[cfg(test)]
mod tests {
    use sotto_client::contract::{ConversationId, Delivery, MessageId};

    use super::*;

    fn message(sent: u64, text: &str) -> MessageView {
        MessageView {
            message: MessageId([1; 16]),
            conversation: ConversationId([2; 16]),
            order: 1,
            author: Author::Them,
            sent: Timestamp(sent),
            body: Body::Text { text: text.into() },
            delivery: Delivery::Received,
        }
    }

    fn plain(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|line| line.pieces.iter().map(|(text, _)| text.as_str()).collect())
            .collect()
    }

    #[test]
    fn a_message_has_time_mark_name_and_harmless_text() {
        let lines = Lines::new(TimeZone::UTC);
        let shown = lines.message(&message(75_900_000, "hi\nthere\u{1b}[2J"), "Bob");
        assert_eq!(
            plain(&shown),
            ["21:05    Bob: hi", "         there\u{fffd}[2J"]
        );
        let mine = MessageView {
            author: Author::Me,
            delivery: Delivery::Delivered,
            ..message(0, "x")
        };
        assert_eq!(plain(&lines.message(&mine, "Bob")), ["00:00 ✓✓ you: x"]);
    }

    #[test]
    fn each_day_is_announced_once() {
        let mut lines = Lines::new(TimeZone::UTC);
        let day = 86_400_000;
        let now = Timestamp(day * 3);
        let text = |line: Option<Line>| line.map(|line| plain(&[line]).concat());
        assert_eq!(
            text(lines.day(&message(0, ""), now)).unwrap(),
            "── Thursday 1 January 1970 ──"
        );
        assert_eq!(text(lines.day(&message(5, ""), now)), None);
        let yesterday = text(lines.day(&message(day * 2, ""), now)).unwrap();
        assert_eq!(yesterday, "── Yesterday, Saturday 3 January 1970 ──");
        let today = text(lines.day(&message(day * 3, ""), now)).unwrap();
        assert_eq!(today, "── Today, Sunday 4 January 1970 ──");
    }

    #[test]
    fn no_clock_is_too_wrong_to_show() {
        let lines = Lines::new(TimeZone::UTC);
        for sent in [0, u64::MAX, i64::MAX as u64] {
            assert!(!lines.message(&message(sent, "x"), "Bob").is_empty());
        }
    }
}
