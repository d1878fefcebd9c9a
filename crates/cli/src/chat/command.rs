//! What can be typed besides messages.

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// To be sent.
    Text(String),
    Help,
    Invite,
    Open(&'a str),
    Requests,
    Accept(Option<usize>),
    Decline(Option<usize>),
    Sent {
        whole: bool,
    },
    Verify(Option<bool>),
    Details,
    Read,
    Receipts(Option<bool>),
    Name(&'a str),
    Recovery {
        saved: bool,
    },
    List,
    Switch(&'a str),
    Quit,
    /// Begins with a slash and is none of these.
    Unknown(&'a str),
    /// Of this command, typed with something that it does not take.
    Misused(&'static str),
    /// Nothing was typed.
    Empty,
}

/// One line of help: what to type, and what it does.
pub(super) const HELP: &[(&str, &str)] = &[
    (
        "/invite",
        "make an invite for one person; give the link to them",
    ),
    ("/open LINK", "open somebody's invite"),
    (
        "/requests",
        "who opened an invite of yours and asks to talk",
    ),
    ("/accept [N]", "let them in; without a number the first"),
    ("/decline [N]", "don't; they are told nothing"),
    ("/list", "your conversations"),
    ("/switch N", "go to another conversation, by number or name"),
    ("/sent [all]", "how the last message crossed the network"),
    (
        "/verify [yes|no]",
        "compare safety numbers; say that they are equal",
    ),
    ("/details", "encryption details of this conversation"),
    ("/read", "mark everything here as read"),
    (
        "/receipts [on|off]",
        "whether delivered and read are told, both ways",
    ),
    ("/name NAME", "your name, as your contacts see it"),
    (
        "/recovery [saved]",
        "the 24 words that bring your account back",
    ),
    ("/quit", "leave; Ctrl+C too"),
    ("//…", "a message that begins with a slash"),
];

/// Reads a typed line.
pub(super) fn parse(line: &str) -> Typed<'_> {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Typed::Empty;
    }
    if let Some(rest) = trimmed.strip_prefix("//") {
        return Typed::Text(format!("/{rest}"));
    }
    if !trimmed.starts_with('/') {
        return Typed::Text(line.trim_end().to_owned());
    }
    let (word, rest) = trimmed
        .split_once(char::is_whitespace)
        .unwrap_or((trimmed, ""));
    let rest = rest.trim();
    let bare = |typed, usage| {
        if rest.is_empty() {
            typed
        } else {
            Typed::Misused(usage)
        }
    };
    match word {
        "/help" | "/?" => bare(Typed::Help, "/help"),
        "/invite" => bare(Typed::Invite, "/invite"),
        "/open" if !rest.is_empty() => Typed::Open(rest),
        "/open" => Typed::Misused("/open LINK"),
        "/requests" => bare(Typed::Requests, "/requests"),
        "/accept" => number(rest).map_or(Typed::Misused("/accept [N]"), Typed::Accept),
        "/decline" => number(rest).map_or(Typed::Misused("/decline [N]"), Typed::Decline),
        "/sent" if rest.is_empty() || rest == "all" => Typed::Sent {
            whole: rest == "all",
        },
        "/sent" => Typed::Misused("/sent [all]"),
        "/verify" => {
            choice(rest, "yes", "no").map_or(Typed::Misused("/verify [yes|no]"), Typed::Verify)
        }
        "/details" => bare(Typed::Details, "/details"),
        "/read" => bare(Typed::Read, "/read"),
        "/receipts" => {
            choice(rest, "on", "off").map_or(Typed::Misused("/receipts [on|off]"), Typed::Receipts)
        }
        "/name" if !rest.is_empty() => Typed::Name(rest),
        "/name" => Typed::Misused("/name NAME"),
        "/recovery" if rest.is_empty() || rest == "saved" => Typed::Recovery {
            saved: rest == "saved",
        },
        "/recovery" => Typed::Misused("/recovery [saved]"),
        "/list" => bare(Typed::List, "/list"),
        "/switch" if !rest.is_empty() => Typed::Switch(rest),
        "/switch" => Typed::Misused("/switch N"),
        "/quit" | "/exit" => bare(Typed::Quit, "/quit"),
        _ => Typed::Unknown(word),
    }
}

/// A number from 1, or nothing. None: something else.
fn number(text: &str) -> Option<Option<usize>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().filter(|number| *number > 0).map(Some)
}

fn choice(text: &str, yes: &str, no: &str) -> Option<Option<bool>> {
    match text {
        "" => Some(None),
        _ if text == yes => Some(Some(true)),
        _ if text == no => Some(Some(false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_commands_are_told_apart() {
        assert_eq!(parse("hello  "), Typed::Text("hello".into()));
        assert_eq!(parse("  code"), Typed::Text("  code".into()));
        assert_eq!(parse("//etc/hosts"), Typed::Text("/etc/hosts".into()));
        assert_eq!(parse("   "), Typed::Empty);
        assert_eq!(
            parse("/open https://relay.example/i#x"),
            Typed::Open("https://relay.example/i#x")
        );
        assert_eq!(parse("/accept 2"), Typed::Accept(Some(2)));
        assert_eq!(parse("/accept"), Typed::Accept(None));
        assert_eq!(parse("/accept 0"), Typed::Misused("/accept [N]"));
        assert_eq!(parse("/verify yes"), Typed::Verify(Some(true)));
        assert_eq!(parse("/verify maybe"), Typed::Misused("/verify [yes|no]"));
        assert_eq!(parse("/name Alice B"), Typed::Name("Alice B"));
        assert_eq!(parse("/dance"), Typed::Unknown("/dance"));
    }

    #[test]
    fn help_names_every_command_and_no_other() {
        for (usage, _) in HELP.iter().filter(|(usage, _)| !usage.starts_with("//")) {
            let word = usage.split(' ').next().unwrap();
            assert!(!matches!(parse(word), Typed::Unknown(_)), "{word}");
        }
    }
}
