//! Makes text from outside harmless for a terminal.
//!
//! A message could otherwise move the cursor, rewrite what stands above it, set the window's
//! title, or use direction marks to look like somebody else's words. Nothing that reaches the
//! terminal may come around this module, names and error texts included.

use unicode_width::UnicodeWidthChar as _;

/// Marks above and below one letter that are let through: enough for every script, too few to
/// paint over the lines around.
const MOST_MARKS: usize = 6;
/// What stands for a character that is not let through.
const REPLACEMENT: char = '\u{fffd}';

/// One line: every line break becomes a space.
pub(crate) fn line(text: &str) -> String {
    lines(text).join(" ")
}

/// The lines of a text, at least one.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut marks = 0;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let Some(current) = out.last_mut() else { break };
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push(String::new());
                marks = 0;
            }
            '\t' => current.push_str("    "),
            _ if is_invisible(char) => {}
            _ if char.is_control() || is_nonsense(char) => current.push(REPLACEMENT),
            _ if char.width() == Some(0) => {
                marks += 1;
                if marks <= MOST_MARKS {
                    current.push(char);
                }
            }
            _ => {
                marks = 0;
                current.push(char);
            }
        }
    }
    out
}

/// A name: one line, without space around it, at most 32 characters; `fallback` if nothing is left.
pub(crate) fn name(text: &str, fallback: &str) -> String {
    let line = line(text);
    let name: String = line.trim().chars().take(32).collect();
    if name.trim().is_empty() {
        fallback.to_owned()
    } else {
        name
    }
}

/// Direction marks and other characters without a shape of their own that can change how the text
/// around them looks. Joiners stay: emoji and several scripts need them.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Code points that are no characters and never will be.
fn is_nonsense(char: char) -> bool {
    let code = u32::from(char);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_lose_their_power() {
        assert_eq!(
            line("\u{1b}[2J\u{1b}]0;title\u{7}hi"),
            "\u{fffd}[2J\u{fffd}]0;title\u{fffd}hi"
        );
        assert_eq!(line("a\u{9b}31mb"), "a\u{fffd}31mb");
        assert_eq!(line("one\rtwo"), "one two");
        assert_eq!(line("a\u{8}b\u{7f}"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn direction_marks_go() {
        assert_eq!(line("pay \u{202e}ecilA\u{202c} now"), "pay ecilA now");
        assert_eq!(line("\u{2066}x\u{2069}\u{200f}"), "x");
    }

    #[test]
    fn ordinary_text_of_the_world_stays() {
        for text in [
            "Grüße, Ærøskøbing!",
            "שלום",
            "مرحبا",
            "नमस्ते",
            "日本語",
            "👩‍👩‍👧‍👦 👍🏽 ✈️",
            "e\u{301}",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn lines_break_in_every_way() {
        assert_eq!(lines("a\nb\r\nc\u{2028}d"), ["a", "b", "c", "d"]);
        assert_eq!(lines(""), [""]);
        assert_eq!(line("a\n\nb"), "a  b");
    }

    #[test]
    fn towers_of_marks_are_cut() {
        let tower = format!("z{}", "\u{336}".repeat(500));
        assert_eq!(line(&tower).chars().count(), 1 + MOST_MARKS);
    }

    #[test]
    fn names_are_short_and_never_empty() {
        assert_eq!(name(" \n\u{202e} ", "Somebody"), "Somebody");
        assert_eq!(name(&"x".repeat(99), "Somebody").len(), 32);
    }

    proptest! {
        #[test]
        fn nothing_dangerous_ever_gets_through(text: String) {
            for char in line(&text).chars() {
                prop_assert!(!char.is_control() && !is_invisible(char) && !is_nonsense(char));
            }
        }
    }
}
