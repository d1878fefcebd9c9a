//! Rows of the history and how they are shown.

use base64::Engine as _;
use sotto_suite::rand::RandomExt;
use sotto_wire::{AppendId, encode};

use super::content::{Content, Text, kind};
use crate::api::{
    Author, Body, ConversationId, Delivery, Event, MessageId, MessageView, Notice, Timestamp,
};
use crate::conversations::envelope::Seen;
use crate::conversations::{Conversation, QUEUED};
use crate::error::Result;
use crate::store::{Row, Transaction, params};
use crate::turn::Turn;

/// Columns that [`view`] reads.
pub(crate) const COLUMNS: &str =
    "SELECT id, conversation, ord, author, sent, kind, body FROM messages";

/// How far both sides have got; what a message's delivery mark follows from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) delivered: i64,
    pub(crate) read: i64,
}

impl Marks {
    pub(crate) fn of(conversation: &Conversation) -> Self {
        Self {
            delivered: conversation.mine_delivered,
            read: conversation.mine_read,
        }
    }

    fn delivery(self, author: Author, order: i64) -> Delivery {
        match author {
            Author::Them | Author::App => Delivery::Received,
            Author::Me if order >= QUEUED => Delivery::Queued,
            Author::Me if order <= self.read => Delivery::Read,
            Author::Me if order <= self.delivered => Delivery::Delivered,
            Author::Me => Delivery::Stored,
        }
    }
}

/// A row as it is shown.
pub(crate) fn view(row: &Row<'_>, marks: Marks) -> Result<MessageView> {
    let order: i64 = row.get(2)?;
    let author = match row.get::<_, i64>(3)? {
        0 => Author::Me,
        1 => Author::Them,
        _ => Author::App,
    };
    let body: Vec<u8> = row.get(6)?;
    Ok(MessageView {
        message: MessageId(row.get(0)?),
        conversation: ConversationId(row.get(1)?),
        order,
        author,
        sent: Timestamp(row.get::<_, i64>(4)?.cast_unsigned()),
        body: shown(row.get(5)?, &body),
        delivery: marks.delivery(author, order),
    })
}

/// The body of a message as it is shown.
pub(crate) fn shown(number: u32, body: &[u8]) -> Body {
    match number {
        kind::TEXT => match sotto_wire::decode::<Text>(body, super::content::MAX_TEXT + 64) {
            Ok(text) => Body::Text { text: text.text },
            Err(_) => Body::Newer,
        },
        kind::NOTICE => Body::Notice {
            notice: notice_of(body),
        },
        _ => Body::Newer,
    }
}

fn notice_of(body: &[u8]) -> Notice {
    match body {
        [1] => Notice::Gap,
        [2] => Notice::Accepted,
        [3] => Notice::Halted,
        [4] => Notice::KeysChanged,
        _ => Notice::Unopenable,
    }
}

fn notice_number(notice: Notice) -> u8 {
    match notice {
        Notice::Unopenable => 0,
        Notice::Gap => 1,
        Notice::Accepted => 2,
        Notice::Halted => 3,
        Notice::KeysChanged => 4,
    }
}

/// One message as it is shown now.
pub(crate) fn one(
    db: &Transaction<'_>,
    id: &MessageId,
    marks: Marks,
) -> Result<Option<MessageView>> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id.0])?;
    rows.next()?.map(|row| view(row, marks)).transpose()
}

/// How a message crossed the network: with these its envelope can be made once more.
pub(crate) struct AsSent<'a> {
    pub(crate) mls: &'a [u8],
    pub(crate) salt: &'a [u8; 32],
    pub(crate) append: &'a AppendId,
    pub(crate) seen: &'a Option<Seen>,
}

/// A row to be added.
pub(crate) struct NewRow<'a> {
    pub(crate) order: i64,
    pub(crate) author: Author,
    pub(crate) content: &'a Content,
    pub(crate) as_sent: Option<&'a AsSent<'a>>,
}

/// Adds a row. False if a message of this id is there already: a retry, dropped.
pub(crate) fn add(
    turn: &mut Turn<'_>,
    conversation: &ConversationId,
    row: &NewRow<'_>,
) -> Result<bool> {
    let author = match row.author {
        Author::Me => 0,
        Author::Them => 1,
        Author::App => 2,
    };
    let sent = row.as_sent;
    let added = turn
        .db
        .prepare_cached(
            "INSERT OR IGNORE INTO messages (id, conversation, ord, author, sent, kind, body, mls, salt, append, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            row.content.id,
            conversation.0,
            row.order,
            author,
            row.content.sent.cast_signed(),
            row.content.kind,
            row.content.body,
            sent.map(|sent| sent.mls),
            sent.map(|sent| sent.salt),
            sent.map(|sent| sent.append.0),
            sent.map(|sent| encode(sent.seen)),
        ])?;
    Ok(added > 0)
}

/// Adds a line of the app's own.
pub(crate) fn notice(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    notice: Notice,
    order: i64,
) -> Result<()> {
    let content = Content {
        id: turn.random.bytes(),
        sent: turn.now.0,
        kind: kind::NOTICE,
        body: vec![notice_number(notice)],
    };
    add(
        turn,
        id,
        &NewRow {
            order,
            author: Author::App,
            content: &content,
            as_sent: None,
        },
    )?;
    turn.conversation_mut(id)?.changed = turn.now;
    show_added(turn, id, &content.message_id())
}

/// Tells the screen of a new message.
pub(crate) fn show_added(
    turn: &mut Turn<'_>,
    id: &ConversationId,
    message: &MessageId,
) -> Result<()> {
    let marks = Marks::of(turn.conversation(id)?);
    if let Some(message) = one(turn.db, message, marks)? {
        turn.event(Event::MessageAdded { message });
    }
    Ok(())
}

/// Base64 as the contract uses it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
