//! Her line to the relay, and what she puts into a conversation's channel (docs/protocol.md,
//! section 4).

use minicbor::{Decode, Encode};
use sotto_suite::aead::AeadKey;
use sotto_suite::kdf::derive;
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{
    AppendId, Binding, ChainHash, ChannelId, ClientFrame, Command, Delivered, Entry, Lane,
    Position, RelayFrame, Reply, Role, decode, encode, proof_transcript,
};

use super::letter::padded;
use crate::world::World;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Content {
    #[n(0)]
    kind: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    body: Vec<u8>,
    #[n(2)]
    seen: Option<Seen>,
}

/// Version, salt, tag and length around what an envelope holds.
const OVERHEAD: usize = 1 + 32 + 16 + 4;

/// What somebody says to have seen.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Seen {
    #[n(0)]
    position: Position,
    #[n(1)]
    hash: ChainHash,
    #[cbor(n(2), with = "minicbor::bytes")]
    authenticator: [u8; 8],
    #[n(3)]
    epoch: u64,
}

#[derive(Encode)]
#[cbor(map)]
struct Message {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(1)]
    sent: u64,
    #[n(2)]
    kind: u32,
    #[cbor(n(3), with = "minicbor::bytes")]
    body: Vec<u8>,
}

#[derive(Encode)]
#[cbor(map)]
struct Text {
    #[n(0)]
    text: String,
}

/// A text, as an MLS message holds it.
pub fn text(number: u8, text: &str) -> Vec<u8> {
    message(number, 1, encode(&Text { text: text.into() }))
}

/// Content of any kind, as an MLS message holds it.
pub fn message(number: u8, kind: u32, body: Vec<u8>) -> Vec<u8> {
    encode(&Message {
        id: [number; 16],
        sent: 0,
        kind,
        body,
    })
}

/// A connection of her own.
pub struct Line {
    name: &'static str,
    binding: Binding,
    next: u32,
}

impl Line {
    pub fn to(world: &mut World, name: &'static str) -> Self {
        let binding = world.relay.connect(name);
        Self {
            name,
            binding,
            next: 0,
        }
    }

    pub fn ask(&mut self, world: &mut World, command: Command) -> Option<Reply> {
        self.next += 1;
        let id = self.next;
        world
            .relay
            .receive(self.name, ClientFrame::Request { id, command });
        let frames = world.relay.take(self.name, usize::MAX);
        frames.into_iter().find_map(|frame| match frame {
            RelayFrame::Reply { id: of, reply } if of == id => Some(reply),
            _ => None,
        })
    }

    pub fn prove(&mut self, world: &mut World, channel: ChannelId, role: Role, key: &SigningKey) {
        let public = key.public();
        let proof = Command::Prove {
            channel,
            role,
            key: public,
            signature: key.sign(&proof_transcript(&self.binding, &channel, role, &public)),
        };
        assert_eq!(self.ask(world, proof), Some(Reply::Done));
    }

    #[expect(clippy::too_many_arguments, reason = "as many as the command has")]
    pub fn append(
        &mut self,
        world: &mut World,
        channel: ChannelId,
        writer: &SigningKey,
        lane: Lane,
        append: [u8; 16],
        handshakes: u64,
        body: Vec<u8>,
        fence: bool,
    ) {
        let append = Command::Append {
            channel,
            writer: writer.public(),
            lane,
            append: AppendId(append),
            handshakes,
            body,
            subscribers: Vec::new(),
            fence,
        };
        let reply = self.ask(world, append);
        assert!(matches!(reply, Some(Reply::Appended(_))), "{reply:?}");
    }
}

/// The channel of a generation.
pub struct Channel {
    id: ChannelId,
    writer: SigningKey,
    admin: SigningKey,
    envelope: Secret<32>,
    appends: u8,
    handshakes: u64,
}

impl Channel {
    pub fn new(generation: &Secret<32>) -> Self {
        let key = |label: &str| derive(generation, label, &[]);
        let id = key("generation channel").expose()[..16].try_into().unwrap();
        Self {
            id: ChannelId(id),
            writer: SigningKey::from_seed(&key("generation writer")),
            admin: SigningKey::from_seed(&key("generation admin")),
            envelope: key("generation envelope"),
            appends: 0,
            handshakes: 0,
        }
    }

    pub fn create(&self, world: &mut World, subscribers: Vec<PublicKey>) {
        let mut line = Line::to(world, "mallory");
        line.prove(world, self.id, Role::Admin, &self.admin);
        let create = Command::Create {
            channel: self.id,
            admin: self.admin.public(),
            writers: vec![self.writer.public()],
            subscribers,
        };
        assert_eq!(line.ask(world, create), Some(Reply::Done));
    }

    fn key(&self, salt: &[u8; 32]) -> AeadKey {
        AeadKey::new(&derive(
            &self.envelope,
            "envelope",
            &[salt, self.id.as_bytes()],
        ))
    }

    fn associated(&self, lane: Lane, append: &AppendId) -> Vec<u8> {
        [
            self.id.as_bytes().as_slice(),
            &[lane as u8],
            append.as_bytes(),
        ]
        .concat()
    }

    /// An MLS message becomes an entry; without a word of what she has seen.
    pub fn put(&mut self, world: &mut World, lane: Lane, mls: Vec<u8>) {
        let content = Content {
            kind: 0,
            body: mls,
            seen: None,
        };
        self.enter(world, lane, &content, false);
    }

    /// Closes the channel, as somebody who is in this epoch.
    pub fn close(&mut self, world: &mut World, epoch: u64, authenticator: [u8; 8]) {
        let content = Content {
            kind: 1,
            body: Vec::new(),
            seen: Some(Seen {
                position: Position(0),
                hash: ChainHash::start(&self.id),
                authenticator,
                epoch,
            }),
        };
        self.enter(world, Lane::Handshake, &content, true);
    }

    /// Content of any kind, with any word of what she has seen.
    pub fn claim(&mut self, world: &mut World, lane: Lane, kind: u8, body: Vec<u8>, seen: [u8; 8]) {
        let [position, hash, authenticator, epoch, ..] = seen;
        let seen = Seen {
            position: Position(position.into()),
            hash: match hash {
                0 => ChainHash::start(&self.id),
                hash => ChainHash([hash; 32]),
            },
            authenticator: [authenticator; 8],
            epoch: epoch.into(),
        };
        let seen = Some(seen);
        self.enter(world, lane, &Content { kind, body, seen }, false);
    }

    fn enter(&mut self, world: &mut World, lane: Lane, content: &Content, fence: bool) {
        self.fill(world, lane, &padded(&encode(content), OVERHEAD), fence);
    }

    /// An envelope around anything.
    pub fn fill(&mut self, world: &mut World, lane: Lane, plain: &[u8], fence: bool) {
        let append = match lane {
            Lane::Ephemeral => AppendId([0; 16]),
            _ => AppendId([self.appends.wrapping_add(1); 16]),
        };
        let salt = [self.appends.wrapping_add(1); 32];
        let associated = self.associated(lane, &append);
        let sealed = self.key(&salt).seal([0; 12], &associated, plain);
        let body = [&[1], salt.as_slice(), &sealed].concat();
        self.append(world, lane, body, fence);
    }

    /// Anything becomes an entry.
    pub fn append(&mut self, world: &mut World, lane: Lane, body: Vec<u8>, fence: bool) {
        self.appends = self.appends.wrapping_add(1);
        let append = [self.appends; 16];
        let mut line = Line::to(world, "mallory");
        line.prove(world, self.id, Role::Writer, &self.writer);
        line.append(
            world,
            self.id,
            &self.writer.clone(),
            lane,
            append,
            self.handshakes,
            body,
            fence,
        );
        self.handshakes += u64::from(lane == Lane::Handshake);
        world.settle();
    }

    /// MLS messages that others have put in so far, oldest first.
    pub fn read(&mut self, world: &mut World, subscriber: &SigningKey) -> Vec<Vec<u8>> {
        let mut line = Line::to(world, "mallory");
        line.prove(world, self.id, Role::Subscriber, subscriber);
        let subscribe = Command::Subscribe {
            channel: self.id,
            subscriber: subscriber.public(),
        };
        line.next += 1;
        let id = line.next;
        world.relay.receive(
            line.name,
            ClientFrame::Request {
                id,
                command: subscribe,
            },
        );
        let (mut found, mut handshakes) = (Vec::new(), 0);
        for frame in world.relay.take(line.name, usize::MAX) {
            let RelayFrame::Deliver {
                delivered: Delivered::Entry(entry),
                ..
            } = frame
            else {
                continue;
            };
            handshakes += u64::from(entry.lane == Lane::Handshake);
            // What she has spoilt herself stays in its place, with nothing in it.
            found.push(self.opened(&entry).unwrap_or_default());
        }
        self.handshakes = handshakes;
        found
    }

    /// The MLS message of an entry that was put in properly.
    fn opened(&self, entry: &Entry) -> Option<Vec<u8>> {
        let (salt, sealed) = entry.body.get(1..)?.split_first_chunk::<32>()?;
        let associated = self.associated(entry.lane, &entry.append);
        let plain = self.key(salt).open([0; 12], &associated, sealed).ok()?;
        let (length, content) = plain.split_first_chunk::<4>()?;
        let content = content.get(..u32::from_be_bytes(*length) as usize)?;
        let content: Content = decode(content, 256 << 10).ok()?;
        Some(content.body)
    }
}
