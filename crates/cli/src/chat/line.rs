//! A line of the conversation, in pieces, and how it is broken into rows.

use unicode_width::UnicodeWidthChar as _;

use super::style::Tone;

/// A line in pieces, each in its tone. The texts are clean already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) pieces: Vec<(String, Tone)>,
    /// Cells that further rows are moved in.
    hang: usize,
}

impl Line {
    /// A line whose further rows begin where its own text does.
    pub(super) fn new(pieces: Vec<(String, Tone)>) -> Self {
        let first = pieces.first().map_or("", |(text, _)| text);
        let hang = first.len() - first.trim_start_matches(' ').len();
        Self { pieces, hang }
    }

    /// Further rows are moved in by `cells`.
    pub(super) fn hanging(self, cells: usize) -> Self {
        Self {
            hang: cells,
            ..self
        }
    }

    /// Breaks the line between words into rows of at most `columns` cells. A word that is longer
    /// than a row stays whole, so that a link can be copied; the terminal breaks it.
    pub(super) fn rows(&self, columns: usize) -> Vec<Self> {
        let hang = if self.hang * 2 < columns {
            self.hang
        } else {
            0
        };
        let mut rows = Vec::new();
        let mut row = Row::default();
        let mut word = Row::default();
        let chars = self
            .pieces
            .iter()
            .flat_map(|(text, tone)| text.chars().map(|c| (c, *tone)));
        for (char, tone) in chars {
            if char == ' ' {
                row.take(&mut word, columns, hang, &mut rows);
                // A space that does not fit any more is the break itself.
                if row.cells < columns {
                    row.push(char, tone);
                }
            } else {
                word.push(char, tone);
            }
        }
        row.take(&mut word, columns, hang, &mut rows);
        rows.push(row.into_line());
        rows
    }

    /// Rows of a terminal with so many columns that this takes as it is.
    pub(super) fn height(&self, columns: usize) -> usize {
        let mut rows = 1;
        let mut used = 0;
        for char in self.pieces.iter().flat_map(|(text, _)| text.chars()) {
            let cells = char.width().unwrap_or(0);
            if used + cells > columns {
                rows += 1;
                used = 0;
            }
            used += cells;
        }
        rows
    }
}

/// A row, or a word, that is being put together.
#[derive(Default)]
struct Row {
    pieces: Vec<(String, Tone)>,
    cells: usize,
    /// Something other than the space at its beginning.
    begun: bool,
}

impl Row {
    fn push(&mut self, char: char, tone: Tone) {
        match self.pieces.last_mut() {
            Some((text, last)) if *last == tone => text.push(char),
            _ => self.pieces.push((char.to_string(), tone)),
        }
        self.cells += char.width().unwrap_or(0);
    }

    /// Puts `word` at the end, or on a new row.
    fn take(&mut self, word: &mut Self, columns: usize, hang: usize, rows: &mut Vec<Line>) {
        if word.pieces.is_empty() {
            return;
        }
        if self.begun && self.cells + word.cells > columns {
            rows.push(std::mem::take(self).into_line());
            (0..hang).for_each(|_| self.push(' ', Tone::Plain));
        }
        for (text, tone) in word.pieces.drain(..) {
            text.chars().for_each(|char| self.push(char, tone));
        }
        self.begun = true;
        word.cells = 0;
    }

    fn into_line(self) -> Line {
        Line {
            pieces: self.pieces,
            hang: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, hang: usize, columns: usize) -> Vec<String> {
        let line = Line::new(vec![(text.to_owned(), Tone::Plain)]).hanging(hang);
        let text = |row: &Line| row.pieces.iter().map(|(text, _)| text.as_str()).collect();
        line.rows(columns).iter().map(text).collect()
    }

    #[test]
    fn breaks_between_words_and_moves_in() {
        assert_eq!(rows("one two three", 2, 9), ["one two ", "  three"]);
        assert_eq!(rows("one two three", 0, 7), ["one two", "three"]);
        assert_eq!(rows("one", 0, 80), ["one"]);
        assert_eq!(rows("", 0, 80), [""]);
        assert_eq!(rows("日本 語日 本", 0, 5), ["日本 ", "語日 ", "本"]);
    }

    #[test]
    fn long_words_stay_whole() {
        assert_eq!(
            rows("see https://relay.example/i#abc now", 2, 12),
            ["see ", "  https://relay.example/i#abc", "  now",]
        );
    }

    #[test]
    fn words_of_several_tones_stay_together() {
        let pieces = vec![
            ("a Bob".to_owned(), Tone::Them),
            (": hi".to_owned(), Tone::Plain),
        ];
        let rows = Line::new(pieces).rows(5);
        assert_eq!(rows[1].pieces[0], ("Bob".to_owned(), Tone::Them));
        assert_eq!(rows[1].pieces[1].0, ": ");
    }

    proptest! {
        #[test]
        fn nothing_but_space_is_lost(text in "[a-z日 ]{0,60}", hang in 0_usize..12, columns in 2_usize..20) {
            let joined: String = rows(&text, hang, columns).concat();
            let visible = |text: &str| text.chars().filter(|char| *char != ' ').collect::<String>();
            prop_assert_eq!(visible(&joined), visible(&text));
        }
    }
}
