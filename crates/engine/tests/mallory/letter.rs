//! How she opens an invite: card, packages, letter (docs/protocol.md, section 3).

use minicbor::{Decode, Encode};
use sotto_engine::AccountId;
use sotto_engine::identity::{Chain, UnverifiedChain};
use sotto_suite::aead::AeadKey;
use sotto_suite::hpke;
use sotto_suite::kdf::derive;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{
    ChannelId, Command, Invite, Lane, Position, RelayAddress, Reply, Role, decode, encode,
};

use super::{Account, Founded, Line};
use crate::world::World;

#[derive(Decode)]
#[cbor(map)]
struct Card {
    #[cbor(n(0), with = "minicbor::bytes")]
    chain: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pool_key: [u8; 32],
}

#[derive(Clone, Encode)]
#[cbor(map)]
pub struct Letter {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub invite: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub welcome: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub tree: Vec<u8>,
    #[n(3)]
    pub relay: RelayAddress,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub chain: Vec<u8>,
    #[n(5)]
    pub seen: Option<Position>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct LeafChannel {
    #[n(0)]
    subscriber: PublicKey,
}

#[derive(Encode)]
#[cbor(map)]
struct Roles {
    #[n(0)]
    accounts: Vec<Assignment>,
}

#[derive(Encode)]
#[cbor(map)]
struct Assignment {
    #[cbor(n(0), with = "minicbor::bytes")]
    account: [u8; 32],
    #[n(1)]
    role: u8,
}

/// Extension of a leaf: with which key it reads the channel.
pub(super) fn leaf_channel(subscriber: &PublicKey) -> Vec<u8> {
    encode(&LeafChannel {
        subscriber: *subscriber,
    })
}

pub(super) fn subscriber(leaf_channel: &[u8]) -> PublicKey {
    let read: LeafChannel = decode(leaf_channel, 1 << 16).unwrap();
    read.subscriber
}

/// Extension of the GroupContext: all of these are owners.
pub(super) fn owners(accounts: &[AccountId]) -> Vec<u8> {
    const OWNER: u8 = 2;
    let accounts = accounts.iter();
    encode(&Roles {
        accounts: accounts
            .map(|account| Assignment {
                account: account.0,
                role: OWNER,
            })
            .collect(),
    })
}

/// Length, content, zeros: the next step of 1, 4, 16, 64, 256 KiB, `overhead` included.
pub(super) fn padded(content: &[u8], overhead: usize) -> Vec<u8> {
    let step = [1, 4, 16, 64, 256].map(|kib: usize| kib << 10);
    let step = step
        .into_iter()
        .find(|step| content.len() + overhead <= *step);
    let mut out = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(content);
    out.resize(step.unwrap() - overhead + 4, 0);
    out
}

/// An invite that she has opened.
pub struct Opening {
    writer: SigningKey,
    pub name: [u8; 16],
    pub psk: Secret<32>,
    pub invited_by: AccountId,
    inbox: ChannelId,
    chain: Chain,
    /// The inviter's key package.
    pub package: Vec<u8>,
    /// Where her letter says that the conversation is.
    pub relay: RelayAddress,
}

impl Opening {
    pub fn of(world: &mut World, link: &str) -> Self {
        let invite: Invite = link.parse().unwrap();
        let key = |label: &str| derive(&invite.secret, label, &[]);
        let writer = SigningKey::from_seed(&key("invite writer"));
        let mut line = Line::to(world, "mallory");
        line.prove(world, invite.inbox, Role::Writer, &writer);
        let fetch = Command::FetchCard {
            channel: invite.inbox,
            writer: writer.public(),
        };
        let Some(Reply::Card(card)) = line.ask(world, fetch) else {
            panic!("no card")
        };
        let card = opened(&key("invite card"), &invite.inbox, &card);
        let card: Card = decode(&card, 1 << 16).unwrap();
        let invited_by = AccountId(invite.account);
        let chain = UnverifiedChain::decode(&card.chain).unwrap();
        let chain = chain.verify(&invited_by).unwrap();
        let take = Command::Take {
            channel: invite.inbox,
            writer: writer.public(),
            slots: vec![chain.device_list().devices[0].slot],
        };
        let Some(Reply::Taken(offers)) = line.ask(world, take) else {
            panic!("no package")
        };
        let pool_key = Secret::new(card.pool_key);
        Self {
            name: key("invite name").expose()[..16].try_into().unwrap(),
            psk: key("invite psk"),
            package: opened(&pool_key, &invite.inbox, &offers[0].package),
            relay: world.address(),
            inbox: invite.inbox,
            writer,
            invited_by,
            chain,
        }
    }

    pub fn psk(&self) -> (&[u8], &Secret<32>) {
        (&self.name, &self.psk)
    }

    /// Puts the letter into the inviter's inbox.
    pub fn write(&self, world: &mut World, from: &Account, founded: &Founded) {
        let letter = self.letter(from, founded);
        self.send(world, 1, self.sealed(&letter));
    }

    pub fn letter(&self, from: &Account, founded: &Founded) -> Letter {
        Letter {
            invite: self.name,
            welcome: founded.welcome.clone(),
            tree: founded.tree.clone(),
            relay: self.relay.clone(),
            chain: from.0.chain.encoded(),
            seen: None,
        }
    }

    pub fn sealed(&self, letter: &Letter) -> Vec<u8> {
        self.sealed_around(&padded(&encode(letter), 1_120 + 16 + 4))
    }

    pub fn sealed_around(&self, plain: &[u8]) -> Vec<u8> {
        let to = &self.chain.device_list().inbox_sealing_key;
        hpke::seal(to, b"sotto letter v1", self.inbox.as_bytes(), plain).unwrap()
    }

    /// Puts anything into the inbox.
    pub fn send(&self, world: &mut World, number: u8, body: Vec<u8>) {
        let mut line = Line::to(world, "mallory");
        line.prove(world, self.inbox, Role::Writer, &self.writer);
        line.append(
            world,
            self.inbox,
            &self.writer,
            Lane::Chat,
            [number; 16],
            0,
            body,
            false,
        );
        world.settle();
    }
}

fn opened(key: &Secret<32>, inbox: &ChannelId, sealed: &[u8]) -> Vec<u8> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>().unwrap();
    let plain = AeadKey::new(key).open(*nonce, inbox.as_bytes(), sealed);
    plain.unwrap().to_vec()
}
