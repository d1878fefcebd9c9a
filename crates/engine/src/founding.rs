//! What a new account does once: inbox, pool, account group.

use sotto_suite::rand::RandomExt;
use sotto_suite::sign::SigningKey;

use crate::api::{ConversationId, ConversationState};
use crate::contacts::{inbox, pool};
use crate::conversations::{
    Channel, Conversation, Generation, Kind, LeafChannel, Roles, create_channel,
};
use crate::error::Result;
use crate::turn::Turn;

/// Makes the inbox, fills the pool and founds the account group with one device.
pub(crate) fn account(turn: &mut Turn<'_>) -> Result<()> {
    inbox::create(turn)?;
    pool::stock(turn, None)?;
    account_group(turn)
}

/// The account's own devices: contacts, settings and read marks will be shared here from the
/// second device on; until then it holds the place in which that device is added.
fn account_group(turn: &mut Turn<'_>) -> Result<()> {
    let group = turn.random.bytes();
    let id = ConversationId(turn.random.bytes());
    let subscriber = SigningKey::from_seed(&turn.random.secret());
    let relay = turn.me.relay.clone();
    let leaf = LeafChannel {
        subscriber: subscriber.public(),
        rescue: Some(vec![relay.clone()]),
    };
    turn.mls
        .create(&group, &Roles::owners(&[turn.me.account]), &leaf, turn.now)?;
    turn.group_moved(group);
    let generation = Generation::new(0, turn.me.account_group_secret());
    let mut conversation =
        Conversation::new(id, Kind::Account, ConversationState::Active, turn.now);
    conversation.group = Some(group);
    conversation.account = Some(turn.me.account);
    conversation.channel = Some(Channel::fresh(relay, subscriber, generation, turn.now));
    turn.add_conversation(conversation);
    create_channel(turn, &id)?;
    Ok(())
}
