//! Colours, where the terminal has them and the person wants them.

use crossterm::style::{Attribute, Color, ContentStyle, StyledContent, Stylize as _};
use sotto_client::contract::{Delivery, Shield};

/// How something is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Time, separators, hints.
    Quiet,
    /// My own name.
    Me,
    /// Other people's names.
    Them,
    /// What the app says.
    App,
    /// An error.
    Trouble,
    /// Read marks.
    Read,
    /// The shield, which alone has these three colours.
    Shield(Shield),
}

/// Paints or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: bool,
}

impl Style {
    /// Colours unless `NO_COLOR` is set to something (no-color.org) or nobody looks.
    pub(super) fn new(interactive: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: interactive && !unwanted,
        }
    }

    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        if !self.colour || tone == Tone::Plain {
            return text.to_owned();
        }
        let style = ContentStyle::new();
        let style = match tone {
            Tone::Plain => style,
            Tone::Quiet => style.attribute(Attribute::Dim),
            Tone::Me | Tone::Read => style.with(Color::DarkCyan).attribute(Attribute::Bold),
            Tone::Them => style.with(Color::DarkMagenta).attribute(Attribute::Bold),
            Tone::App => style.attribute(Attribute::Italic),
            Tone::Trouble => style.attribute(Attribute::Bold),
            Tone::Shield(Shield::Verified) => style.with(Color::DarkGreen),
            Tone::Shield(Shield::Encrypted) => style.with(Color::DarkYellow),
            Tone::Shield(Shield::NotProtected) => {
                style.with(Color::DarkRed).attribute(Attribute::Bold)
            }
        };
        StyledContent::new(style, text).to_string()
    }

    /// The delivery mark, two cells wide. Read is told by shape as well as by colour.
    pub(super) fn mark(self, delivery: Delivery) -> String {
        match delivery {
            Delivery::Queued => self.paint("⏱ ", Tone::Quiet),
            Delivery::Stored => self.paint("✓ ", Tone::Quiet),
            Delivery::Delivered => self.paint("✓✓", Tone::Quiet),
            Delivery::Read => self.paint("✔✔", Tone::Read),
            Delivery::Received => "  ".to_owned(),
        }
    }

    /// Shape and word of a shield.
    pub(super) fn shield(self, shield: Shield) -> String {
        let text = match shield {
            Shield::Verified => "◆ Verified",
            Shield::Encrypted => "◇ Encrypted, not verified",
            Shield::NotProtected => "✕ Not protected",
        };
        self.paint(text, Tone::Shield(shield))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_there_is_no_escape_and_every_state_still_differs() {
        let style = Style { colour: false };
        let marks: std::collections::BTreeSet<_> = [
            Delivery::Queued,
            Delivery::Stored,
            Delivery::Delivered,
            Delivery::Read,
            Delivery::Received,
        ]
        .map(|delivery| style.mark(delivery))
        .into();
        assert_eq!(marks.len(), 5);
        assert!(
            marks
                .iter()
                .all(|mark| mark.chars().count() == 2 && !mark.contains('\u{1b}'))
        );
        assert_ne!(
            style.shield(Shield::Verified),
            style.shield(Shield::Encrypted)
        );
    }
}
