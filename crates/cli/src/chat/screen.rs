//! The terminal: what was said scrolls up, the prompt stays below.
//!
//! Nothing is redrawn but the prompt, so the terminal's own scrolling, searching and copying work.
//! The one exception is a delivery mark: while a message is still on the screen its mark is
//! changed in place.

use std::collections::VecDeque;
use std::io::{self, Write};

use crossterm::cursor::{MoveToColumn, MoveUp, RestorePosition, SavePosition};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{Clear, ClearType, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};
use sotto_client::contract::{Delivery, MessageId, MessageView};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::editor::Editor;
use super::line::Line;
use super::style::{Style, Tone, mark};

/// Messages whose place on the screen is remembered.
const PLACED: usize = 500;
/// Where a message's mark stands: behind `21:05 `.
pub(super) const MARK_COLUMN: u16 = 6;
/// Fewest cells that are kept for typing, however long the prompt is.
const TYPING: usize = 20;

/// What stands below the conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Below {
    /// A line above the prompt: who types, what the relay does.
    pub(super) status: Option<String>,
    /// Before what is typed.
    pub(super) prompt: Vec<(String, Tone)>,
}

/// A terminal, or a pipe that wants plain lines.
pub(super) struct Screen<W: Write> {
    out: W,
    style: Style,
    interactive: bool,
    columns: usize,
    rows: usize,
    /// Rows of the prompt's area that are drawn at the moment; the cursor is in the last.
    drawn: u16,
    below: Below,
    placed: VecDeque<Placed>,
}

/// A message on the screen, and the rows from its first one to the prompt's area.
struct Placed {
    message: MessageId,
    order: i64,
    delivery: Delivery,
    rows: usize,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, style: Style, size: Option<(u16, u16)>) -> Self {
        let (columns, rows) = size.unwrap_or((80, 24));
        Self {
            out,
            style,
            interactive: size.is_some(),
            columns: usize::from(columns).max(2),
            rows: usize::from(rows).max(2),
            drawn: 0,
            below: Below::default(),
            placed: VecDeque::new(),
        }
    }

    /// Is there a person at a terminal?
    pub(super) fn interactive(&self) -> bool {
        self.interactive
    }

    /// Adds lines above the prompt.
    pub(super) fn print(&mut self, lines: &[Line], editor: &Editor) -> io::Result<()> {
        self.erase()?;
        let rows = self.write_lines(lines)?;
        self.push_up(rows);
        self.draw(editor)
    }

    /// Adds a message above the prompt and remembers where it is.
    pub(super) fn print_message(
        &mut self,
        message: &MessageView,
        lines: &[Line],
        editor: &Editor,
    ) -> io::Result<()> {
        self.erase()?;
        let rows = self.write_lines(lines)?;
        self.push_up(rows);
        let MessageView {
            message,
            order,
            delivery,
            ..
        } = *message;
        self.placed.push_back(Placed {
            message,
            order,
            delivery,
            rows,
        });
        if self.placed.len() > PLACED {
            self.placed.pop_front();
        }
        self.draw(editor)
    }

    /// A message has another mark or place; its mark is changed if it is still on the screen.
    pub(super) fn change(&mut self, message: &MessageView) -> io::Result<()> {
        let MessageView {
            message,
            order,
            delivery,
            ..
        } = *message;
        let Some(placed) = self
            .placed
            .iter_mut()
            .rev()
            .find(|placed| placed.message == message)
        else {
            return Ok(());
        };
        placed.order = order;
        let news = std::mem::replace(&mut placed.delivery, delivery) != delivery;
        let rows = placed.rows;
        if news {
            self.paint_mark(rows, delivery)
        } else {
            Ok(())
        }
    }

    /// Own messages up to the order `delivered` are on the other side's device, and those up to
    /// `read` have been read.
    pub(super) fn reached(&mut self, delivered: i64, read: i64) -> io::Result<()> {
        let mut news = Vec::new();
        for placed in &mut self.placed {
            let delivery = match placed.delivery {
                Delivery::Received | Delivery::Read => continue,
                _ if placed.order <= read => Delivery::Read,
                Delivery::Queued | Delivery::Stored if placed.order <= delivered => {
                    Delivery::Delivered
                }
                _ => continue,
            };
            placed.delivery = delivery;
            news.push((placed.rows, delivery));
        }
        news.into_iter()
            .try_for_each(|(rows, delivery)| self.paint_mark(rows, delivery))
    }

    /// `rows`: from the mark's row to the prompt's area.
    fn paint_mark(&mut self, rows: usize, delivery: Delivery) -> io::Result<()> {
        let up = rows + usize::from(self.drawn.saturating_sub(1));
        let Ok(rows) = u16::try_from(up) else {
            return Ok(());
        };
        if !self.interactive || up >= self.rows || self.drawn == 0 {
            return Ok(());
        }
        queue!(
            self.out,
            SavePosition,
            MoveUp(rows),
            MoveToColumn(MARK_COLUMN)
        )?;
        let (mark, tone) = mark(delivery);
        write!(self.out, "{}", self.style.paint(mark, tone))?;
        queue!(self.out, RestorePosition)?;
        self.out.flush()
    }

    /// Shows another status or prompt.
    pub(super) fn set_below(&mut self, below: Below, editor: &Editor) -> io::Result<()> {
        self.erase()?;
        self.below = below;
        self.draw(editor)
    }

    /// Shows what was typed.
    pub(super) fn redraw(&mut self, editor: &Editor) -> io::Result<()> {
        self.erase()?;
        self.draw(editor)
    }

    /// The window has another size. How the terminal broke its lines anew can't be known, so no
    /// mark that stands there is touched any more.
    pub(super) fn resize(&mut self, columns: u16, rows: u16, editor: &Editor) -> io::Result<()> {
        let size = (usize::from(columns).max(2), usize::from(rows).max(2));
        if size == (self.columns, self.rows) {
            return Ok(());
        }
        self.erase()?;
        (self.columns, self.rows) = size;
        self.placed.clear();
        self.draw(editor)
    }

    /// Takes the prompt away, for good.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        self.erase()?;
        self.out.flush()
    }

    fn erase(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            if self.drawn > 1 {
                queue!(self.out, MoveUp(self.drawn - 1))?;
            }
            queue!(self.out, MoveToColumn(0), Clear(ClearType::FromCursorDown))?;
            self.drawn = 0;
        }
        Ok(())
    }

    fn draw(&mut self, editor: &Editor) -> io::Result<()> {
        if !self.interactive {
            return self.out.flush();
        }
        self.drawn = 1;
        if let Some(status) = &self.below.status {
            let cut = cut(status, self.columns - 1);
            write!(self.out, "{}\r\n", self.style.paint(&cut, Tone::Quiet))?;
            self.drawn = 2;
        }
        let whole: usize = self.below.prompt.iter().map(|(text, _)| text.width()).sum();
        let mut left = whole.min(self.columns.saturating_sub(TYPING + 1));
        let prompt_cells = left;
        for (text, tone) in &self.below.prompt {
            let cut = cut(text, left);
            left -= cut.width().min(left);
            write!(self.out, "{}", self.style.paint(&cut, *tone))?;
        }
        let start = prompt_cells - left;
        let (shown, cursor) = editor.view(self.columns - start);
        write!(self.out, "{shown}")?;
        let column = u16::try_from(start + cursor).unwrap_or(u16::MAX);
        queue!(self.out, MoveToColumn(column))?;
        self.out.flush()
    }

    /// Rows that the lines take.
    fn write_lines(&mut self, lines: &[Line]) -> io::Result<usize> {
        let mut rows = 0;
        for line in lines {
            if !self.interactive {
                // Whoever reads a pipe breaks lines as it likes.
                self.write_row(line, "\n")?;
                continue;
            }
            for row in line.rows(self.columns) {
                self.write_row(&row, "\r\n")?;
                rows += row.height(self.columns);
            }
        }
        Ok(rows)
    }

    fn write_row(&mut self, row: &Line, end: &str) -> io::Result<()> {
        for (text, tone) in &row.pieces {
            write!(self.out, "{}", self.style.paint(text, *tone))?;
        }
        write!(self.out, "{end}")
    }

    fn push_up(&mut self, rows: usize) {
        for placed in &mut self.placed {
            placed.rows += rows;
        }
        let most = self.rows;
        self.placed.retain(|placed| placed.rows < most);
    }
}

/// As much of `text` as fits into `cells`.
fn cut(text: &str, cells: usize) -> String {
    let mut used = 0;
    let fits = |char: &char| {
        used += char.width().unwrap_or(0);
        used <= cells
    };
    text.chars().take_while(fits).collect()
}

/// The terminal hands over every key while this lives.
pub(super) struct RawMode;

impl RawMode {
    pub(super) fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        let guard = Self;
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok(guard)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = disable_raw_mode();
    }
}
