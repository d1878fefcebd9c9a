//! The line that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Longest text that can be typed, in bytes: the longest message.
const LONGEST: usize = 65_536;
/// Lines that Up brings back.
const HISTORY: usize = 200;
const JOINER: char = '\u{200d}';

/// What a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing to see.
    Nothing,
    /// The line looks different.
    Changed,
    /// Enter: the line is taken, the editor is empty.
    Line(String),
    /// Ctrl+C or Ctrl+D on an empty line.
    Leave,
}

/// Text, cursor and the lines before.
#[derive(Debug, Default)]
pub(super) struct Editor {
    text: String,
    /// In bytes, always between characters.
    cursor: usize,
    history: Vec<String>,
    /// Which line of the history is shown, and what was typed before looking there.
    looking: Option<(usize, String)>,
}

impl Editor {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Enter if alt => self.insert("\n"),
            KeyCode::Enter => return self.enter(),
            KeyCode::Char('j') if control => self.insert("\n"),
            KeyCode::Char('c' | 'd') if control && self.text.is_empty() => return Typed::Leave,
            KeyCode::Char('c') if control => self.clear(),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char('u') if control => self.remove(0, self.cursor),
            KeyCode::Char('k') if control => self.remove(self.cursor, self.text.len()),
            KeyCode::Char('w') if control => self.remove(self.word_start(), self.cursor),
            KeyCode::Backspace if alt => self.remove(self.word_start(), self.cursor),
            KeyCode::Char(_) if control => return Typed::Nothing,
            KeyCode::Char(char) => self.insert(char.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => self.remove(self.left(), self.cursor),
            KeyCode::Delete => self.remove(self.cursor, self.right()),
            KeyCode::Left if control || alt => self.cursor = self.word_start(),
            KeyCode::Right if control || alt => self.cursor = self.word_end(),
            KeyCode::Left => self.cursor = self.left(),
            KeyCode::Right => self.cursor = self.right(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Up => self.look_back(),
            KeyCode::Down => self.look_forward(),
            KeyCode::Esc => self.clear(),
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }

    /// Takes what was pasted; line breaks stay.
    pub(super) fn paste(&mut self, text: &str) -> Typed {
        self.insert(&text.replace("\r\n", "\n").replace('\r', "\n"));
        Typed::Changed
    }

    /// What fits into `cells`, and in which cell of it the cursor stands. The text scrolls so that
    /// the cursor is always seen; what would harm a terminal is shown as something else.
    pub(super) fn view(&self, cells: usize) -> (String, usize) {
        let show = |text: &str| text.chars().map(shown).collect::<String>();
        let (before, after) = self.text.split_at(self.cursor);
        let (before, after) = (show(before), show(after));
        let room = cells.saturating_sub(1).max(1);
        // A third of the line stays visible behind the cursor when there is something to see.
        let behind = after.width().min(room / 3);
        let mut start = 0;
        let mut width = before.width();
        for (at, char) in before.char_indices() {
            if width + behind <= room {
                break;
            }
            start = at + char.len_utf8();
            width -= char.width().unwrap_or(0).min(width);
        }
        let mut out = before.get(start..).unwrap_or_default().to_owned();
        let mut used = width;
        for char in after.chars() {
            used += char.width().unwrap_or(0);
            if used > room {
                break;
            }
            out.push(char);
        }
        (out, width)
    }

    fn enter(&mut self) -> Typed {
        let line = std::mem::take(&mut self.text);
        self.cursor = 0;
        self.looking = None;
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
            if self.history.len() > HISTORY {
                self.history.remove(0);
            }
        }
        Typed::Line(line)
    }

    fn insert(&mut self, text: &str) {
        if self.text.len() + text.len() <= LONGEST {
            self.text.insert_str(self.cursor, text);
            self.cursor += text.len();
        }
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.looking = None;
    }

    fn show(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
    }

    fn look_back(&mut self) {
        let (at, typed) = match self.looking.take() {
            Some(looking) => looking,
            None => (self.history.len(), self.text.clone()),
        };
        let at = at.saturating_sub(1);
        if let Some(line) = self.history.get(at).cloned() {
            self.show(line);
            self.looking = Some((at, typed));
        }
    }

    fn look_forward(&mut self) {
        let Some((at, typed)) = self.looking.take() else {
            return;
        };
        match self.history.get(at + 1).cloned() {
            Some(line) => {
                self.show(line);
                self.looking = Some((at + 1, typed));
            }
            None => self.show(typed),
        }
    }

    /// Where the character before the cursor begins, with the marks and joins that belong to it.
    fn left(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let mut chars = before.char_indices().rev().peekable();
        while let Some((at, char)) = chars.next() {
            let joined = chars.peek().is_some_and(|(_, before)| *before == JOINER);
            if !belongs_to_before(char) && !joined {
                return at;
            }
        }
        0
    }

    /// Where the character behind the cursor ends.
    fn right(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        let mut chars = after.char_indices();
        let mut last = chars.next().map(|(_, char)| char);
        for (at, char) in chars {
            if !belongs_to_before(char) && last != Some(JOINER) {
                return self.cursor + at;
            }
            last = Some(char);
        }
        self.text.len()
    }

    fn word_start(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let word = before.trim_end();
        word.rfind(char::is_whitespace).map_or(0, |at| {
            at + word
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(1, char::len_utf8)
        })
    }

    fn word_end(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        let skipped = after.len() - after.trim_start().len();
        let word = after.trim_start();
        self.cursor + skipped + word.find(char::is_whitespace).unwrap_or(word.len())
    }
}

/// Marks, joiners and skin tones.
fn belongs_to_before(char: char) -> bool {
    char != '\n' && char.width().unwrap_or(1) == 0 || matches!(char, '\u{1f3fb}'..='\u{1f3ff}')
}

fn shown(char: char) -> char {
    match char {
        '\n' => '⏎',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(editor: &mut Editor, code: KeyCode, modifiers: KeyModifiers) -> Typed {
        editor.key(KeyEvent::new(code, modifiers))
    }

    fn type_in(editor: &mut Editor, text: &str) {
        for char in text.chars() {
            press(editor, KeyCode::Char(char), KeyModifiers::NONE);
        }
    }

    #[test]
    fn types_edits_and_sends() {
        let mut editor = Editor::default();
        type_in(&mut editor, "hello wrld");
        for _ in 0..3 {
            press(&mut editor, KeyCode::Left, KeyModifiers::NONE);
        }
        type_in(&mut editor, "o");
        assert_eq!(editor.text(), "hello world");
        press(&mut editor, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "hello rld");
        press(&mut editor, KeyCode::Char('u'), KeyModifiers::CONTROL);
        press(&mut editor, KeyCode::Char('k'), KeyModifiers::CONTROL);
        type_in(&mut editor, "hi");
        let line = press(&mut editor, KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(line, Typed::Line("hi".into()));
        assert_eq!(
            press(&mut editor, KeyCode::Char('d'), KeyModifiers::CONTROL),
            Typed::Leave
        );
    }

    #[test]
    fn a_family_is_one_character() {
        let mut editor = Editor::default();
        editor.paste("a👩‍👧👍🏽");
        press(&mut editor, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(editor.text(), "a👩‍👧");
        press(&mut editor, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(editor.text(), "a");
        editor.paste("e\u{301}");
        press(&mut editor, KeyCode::Left, KeyModifiers::NONE);
        press(&mut editor, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(editor.text(), "a");
    }

    #[test]
    fn up_brings_lines_back_and_down_what_was_begun() {
        let mut editor = Editor::default();
        for line in ["one", "two"] {
            type_in(&mut editor, line);
            press(&mut editor, KeyCode::Enter, KeyModifiers::NONE);
        }
        type_in(&mut editor, "begun");
        let mut look = |code| {
            press(&mut editor, code, KeyModifiers::NONE);
            editor.text().to_owned()
        };
        assert_eq!(look(KeyCode::Up), "two");
        assert_eq!(look(KeyCode::Up), "one");
        assert_eq!(look(KeyCode::Up), "one");
        assert_eq!(look(KeyCode::Down), "two");
        assert_eq!(look(KeyCode::Down), "begun");
    }

    #[test]
    fn pasted_lines_stay_lines() {
        let mut editor = Editor::default();
        editor.paste("one\r\ntwo");
        assert_eq!(editor.view(20).0, "one⏎two");
        let line = press(&mut editor, KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(line, Typed::Line("one\ntwo".into()));
    }

    proptest! {
        #[test]
        fn no_keys_break_it(keys in proptest::collection::vec((0_u8..16, any::<char>()), 0..80), cells in 0_usize..40) {
            let mut editor = Editor::default();
            for (key, char) in keys {
                let (code, modifiers) = match key {
                    0 => (KeyCode::Left, KeyModifiers::NONE),
                    1 => (KeyCode::Right, KeyModifiers::NONE),
                    2 => (KeyCode::Left, KeyModifiers::CONTROL),
                    3 => (KeyCode::Right, KeyModifiers::CONTROL),
                    4 => (KeyCode::Backspace, KeyModifiers::NONE),
                    5 => (KeyCode::Delete, KeyModifiers::NONE),
                    6 => (KeyCode::Char('w'), KeyModifiers::CONTROL),
                    7 => (KeyCode::Up, KeyModifiers::NONE),
                    8 => (KeyCode::Down, KeyModifiers::NONE),
                    9 => (KeyCode::Enter, KeyModifiers::NONE),
                    _ => (KeyCode::Char(char), KeyModifiers::NONE),
                };
                press(&mut editor, code, modifiers);
                let (shown, at) = editor.view(cells);
                prop_assert!(shown.width() <= cells.saturating_sub(1).max(2), "{shown:?} in {cells}");
                prop_assert!(at <= shown.width() + 1);
                prop_assert!(!shown.chars().any(char::is_control));
            }
        }
    }
}
