//! Longer things that the chat says, as lines.

use sotto_client::contract::{
    Body, ConversationDetails, ConversationState, ConversationView, InviteState, InviteView,
    MessageView, Problem, SentAs, ShieldReason, Timestamp,
};

use super::clean;
use super::command::HELP;
use super::line::Line;
use super::style::{Tone, shield};

/// Characters of a long encoding that are shown unless all of it is asked for.
const GLIMPSE: usize = 120;

/// One line in one tone.
pub(super) fn line(text: impl AsRef<str>, tone: Tone) -> Line {
    Line::new(vec![(clean::line(text.as_ref()), tone)])
}

/// A problem in three sentences.
pub(super) fn problem(problem: &Problem) -> Vec<Line> {
    vec![
        line(&problem.happened, Tone::Trouble),
        line(format!("{} {}", problem.safe, problem.next), Tone::App),
    ]
}

pub(super) fn help() -> Vec<Line> {
    let widest = HELP
        .iter()
        .map(|(usage, _)| usage.chars().count())
        .max()
        .unwrap_or_default();
    let show = |(usage, meaning): &(&str, &str)| {
        let usage = (format!("  {usage:widest$}  "), Tone::Me);
        let meaning = ((*meaning).to_owned(), Tone::Plain);
        Line::new(vec![usage, meaning]).hanging(widest + 4)
    };
    let mut out = vec![line(
        "Type a message and press Enter. Alt+Enter begins a new line.",
        Tone::App,
    )];
    out.extend(HELP.iter().map(show));
    out.push(line(
        "⏱ kept here   ✓ at the relay   ✓✓ on the other device   ✔✔ read",
        Tone::Quiet,
    ));
    out
}

/// What a conversation is called: its other side's name, or what it waits for.
pub(super) fn title(view: &ConversationView) -> String {
    let unknown = match view.state {
        ConversationState::Opening => "(opening the invite)",
        ConversationState::Waiting => "(waiting to be let in)",
        ConversationState::Unreached => "(not reached)",
        ConversationState::Active | ConversationState::Halted => "Somebody",
    };
    clean::name(&view.name, unknown)
}

/// What stands above a conversation that was just opened.
pub(super) fn header(view: &ConversationView) -> Vec<Line> {
    let (words, tone) = shield(view.shield);
    let mut out = vec![Line::new(vec![
        (format!("── {} ", title(view)), Tone::Them),
        (words.to_owned(), tone),
        (" ──".to_owned(), Tone::Quiet),
    ])];
    if let Some(trouble) = &view.trouble {
        out.extend(problem(trouble));
        return out;
    }
    let more = match (view.state, view.shield_reason) {
        (ConversationState::Opening, _) => {
            "The invite is being opened; if their device has not been online since, that waits for it. \
             What you write is kept and sent then."
        }
        (ConversationState::Waiting, _) => {
            "They have not let you in yet. What you write is kept and sent then."
        }
        (ConversationState::Unreached, _) => {
            "The invite led nowhere. What you write is kept; open another invite of theirs to send it."
        }
        (_, ShieldReason::HistoryDisputed) => {
            "The other side says that the relay showed it a different history. Compare: /verify"
        }
        (_, ShieldReason::RelayContradiction) => {
            "This device saw the relay contradict itself. Use another relay."
        }
        (ConversationState::Halted, _) | (_, ShieldReason::Halted) => {
            "This conversation's keys are damaged, so sending is held. Everything received is kept."
        }
        (_, ShieldReason::NotCompared | ShieldReason::Compared) => return out,
    };
    out.push(line(more, Tone::App));
    out
}

pub(super) fn list(
    views: &[ConversationView],
    current: Option<usize>,
    when: impl Fn(&ConversationView) -> String,
) -> Vec<Line> {
    if views.is_empty() {
        return vec![line(
            "No conversation yet. /invite makes a link to give away; /open LINK opens one.",
            Tone::App,
        )];
    }
    let mut out = Vec::new();
    for (index, view) in views.iter().enumerate() {
        let here = if current == Some(index) { '›' } else { ' ' };
        let unread = if view.unread > 0 {
            format!("  {} new", view.unread)
        } else {
            String::new()
        };
        let last = view.last.as_ref().map(preview).unwrap_or_default();
        let line = Line::new(vec![
            (format!("{here} {:>2}  ", index + 1), Tone::Quiet),
            (title(view), Tone::Them),
            (unread, Tone::Me),
            (format!("  {}  ", when(view)), Tone::Quiet),
            (last, Tone::Plain),
        ]);
        out.push(line.hanging(6));
    }
    out
}

/// The beginning of a message on one line.
pub(super) fn preview(message: &MessageView) -> String {
    let Body::Text { text } = &message.body else {
        return String::new();
    };
    let line = clean::line(text);
    let short: String = line.chars().take(50).collect();
    if short.len() < line.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// How a message crossed the network, layer by layer.
pub(super) fn sent(message: &MessageView, sent: &SentAs, whole: bool) -> Vec<Line> {
    let decoded = |base64: &str| base64.trim_end_matches('=').len() * 3 / 4;
    let words = format!("“{}” crossed the network like this.", preview(message));
    let mut out = vec![line(words, Tone::App)];
    let mut layer = |what: String, text: &str| {
        let count = text.chars().count();
        if whole || count <= GLIMPSE {
            out.push(line(what, Tone::Quiet));
            out.push(line(format!("  {text}"), Tone::Plain));
        } else {
            let begin: String = text.chars().take(GLIMPSE).collect();
            out.push(line(
                format!("{what} The first of {count} characters:"),
                Tone::Quiet,
            ));
            out.push(line(format!("  {begin}…"), Tone::Plain));
        }
    };
    layer("The Fernet token that holds the text.".into(), &sent.token);
    let bytes = decoded(&sent.mls);
    layer(
        format!("The MLS message around it, {bytes} bytes."),
        &sent.mls,
    );
    let size = sent.envelope_size;
    match &sent.envelope {
        Some(envelope) => layer(
            format!("The envelope around that, {size} bytes, which is all that the relay saw."),
            envelope,
        ),
        None => layer(
            format!("The envelope around that had {size} bytes; this device keeps it no longer."),
            "",
        ),
    }
    if !whole {
        out.push(line("/sent all shows all of it.", Tone::App));
    }
    out
}

pub(super) fn details(
    details: &ConversationDetails,
    view: &ConversationView,
    when: impl Fn(Timestamp) -> String,
) -> Vec<Line> {
    let painted = |name: &str, value: &str, tone: Tone| {
        let name = (format!("  {name:<14}"), Tone::Quiet);
        Line::new(vec![name, (clean::line(value), tone)]).hanging(16)
    };
    let row = |name: &str, value: String| painted(name, &value, Tone::Plain);
    let (words, tone) = shield(view.shield);
    let mut out = vec![
        painted("Shield", words, tone),
        row("Cipher suite", details.suite.clone()),
        row("Epoch", details.epoch.to_string()),
        row("Keys since", when(details.last_key_change)),
        row("Generation", details.generation.to_string()),
        row("Relay", details.relay.clone()),
    ];
    for member in &details.members {
        let whose = if member.me {
            "this device"
        } else {
            "their device"
        };
        out.push(row("Device", format!("{} ({whose})", member.device)));
    }
    if !details.safety_number.is_empty() {
        out.push(row("Safety number", String::new()));
        out.extend(safety_number(&details.safety_number));
        if let Some(at) = details.verified_at {
            out.push(row("Compared", when(at)));
        }
    }
    out
}

/// The 60 digits in rows of 20.
pub(super) fn safety_number(number: &str) -> Vec<Line> {
    let groups: Vec<&str> = number.split_whitespace().collect();
    groups
        .chunks(4)
        .map(|row| line(format!("    {}", row.join(" ")), Tone::Me))
        .collect()
}

/// The words in three columns, numbered.
pub(super) fn recovery(words: &str) -> Vec<Line> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let rows = words.len().div_ceil(3);
    let cell = |at: usize| {
        words
            .get(at)
            .map_or(String::new(), |word| format!("{:>2}  {word:<12}", at + 1))
    };
    let mut out = vec![line(
        "These 24 words bring your account back. Write them on paper; show them to nobody.",
        Tone::App,
    )];
    for row in 0..rows {
        out.push(line(
            format!(
                "  {}{}{}",
                cell(row),
                cell(row + rows),
                cell(row + rows * 2)
            ),
            Tone::Plain,
        ));
    }
    out.push(line(
        "When they are written down: /recovery saved. This device forgets them then.",
        Tone::App,
    ));
    out
}

/// The invite that was just made.
pub(super) fn invite(link: &str) -> Vec<Line> {
    vec![
        line(
            "Give this link to one person, over a channel that you trust. It is good for a week:",
            Tone::App,
        ),
        // A line of its own without anything around it, to be copied whole.
        line(link, Tone::Me),
        line(
            "When they open it, you are asked whether to let them in.",
            Tone::App,
        ),
    ]
}

/// Invites that still work, for the list of requests.
pub(super) fn open_invites(invites: &[InviteView]) -> Option<Line> {
    let open = invites
        .iter()
        .filter(|invite| invite.state == InviteState::Open)
        .count();
    match open {
        0 => None,
        1 => Some(line("One invite of yours is open.", Tone::Quiet)),
        n => Some(line(format!("{n} invites of yours are open."), Tone::Quiet)),
    }
}
