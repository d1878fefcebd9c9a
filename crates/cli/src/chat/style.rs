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
}

/// The delivery mark, two cells wide. Read is told by shape as well as by colour.
pub(super) fn mark(delivery: Delivery) -> (&'static str, Tone) {
    match delivery {
        Delivery::Queued => ("⏱ ", Tone::Quiet),
        Delivery::Stored => ("✓ ", Tone::Quiet),
        Delivery::Delivered => ("✓✓", Tone::Quiet),
        Delivery::Read => ("✔✔", Tone::Read),
        Delivery::Received => ("  ", Tone::Plain),
    }
}

/// Shape and word of a shield.
pub(super) fn shield(shield: Shield) -> (&'static str, Tone) {
    let text = match shield {
        Shield::Verified => "◆ Verified",
        Shield::Encrypted => "◇ Encrypted, not verified",
        Shield::NotProtected => "✕ Not protected",
    };
    (text, Tone::Shield(shield))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_differs_without_colour_too() {
        let marks: std::collections::BTreeSet<_> = [
            Delivery::Queued,
            Delivery::Stored,
            Delivery::Delivered,
            Delivery::Read,
            Delivery::Received,
        ]
        .map(|delivery| mark(delivery).0)
        .into();
        assert_eq!(marks.len(), 5);
        assert!(marks.iter().all(|mark| mark.chars().count() == 2));
        let shields = [Shield::Verified, Shield::Encrypted, Shield::NotProtected];
        let shields: std::collections::BTreeSet<_> = shields.map(|state| shield(state).0).into();
        assert_eq!(shields.len(), 3);
    }

    #[test]
    fn colours_are_left_out_where_nobody_wants_them() {
        let painted = Style { colour: true }.paint("x", Tone::Me);
        assert!(painted.starts_with('\u{1b}') && painted.contains('x'));
        assert_eq!(Style { colour: false }.paint("x", Tone::Me), "x");
    }
}
