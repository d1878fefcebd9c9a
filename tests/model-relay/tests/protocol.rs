//! The corners of docs/protocol-relay.md that the simulation leans on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may stop at the first surprise"
)]

use sotto_model_relay::ModelRelay;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::{
    AppendId, Binding, ChannelId, ClientFrame, Command, Delivered, Lane, Position, RefusalCode,
    RelayFrame, Reply, Role, proof_transcript,
};

const DAY: u64 = 86_400_000;
const HERE: ChannelId = ChannelId([1; 16]);

struct Scene {
    relay: ModelRelay,
    key: SigningKey,
    next: u64,
}

impl Scene {
    /// A channel that one key may govern, write and read.
    fn new() -> Self {
        let mut scene = Self {
            relay: ModelRelay::new(),
            key: SigningKey::from_seed(&Secret::new([1; 32])),
            next: 0,
        };
        scene.connect("first");
        let key = scene.key.public();
        let create = Command::Create {
            channel: HERE,
            admin: key,
            writers: vec![key],
            subscribers: vec![key],
        };
        assert_eq!(scene.ask("first", create), Ok(Reply::Done));
        scene
    }

    fn connect(&mut self, name: &str) {
        let binding = self.relay.connect(name);
        for role in [Role::Admin, Role::Writer, Role::Subscriber] {
            self.prove(name, &binding, role);
        }
    }

    fn prove(&mut self, name: &str, binding: &Binding, role: Role) {
        let key = self.key.public();
        let signature = self.key.sign(&proof_transcript(binding, &HERE, role, &key));
        let prove = Command::Prove {
            channel: HERE,
            role,
            key,
            signature,
        };
        assert_eq!(self.ask(name, prove), Ok(Reply::Done));
    }

    /// The answer; deliveries before it are dropped.
    fn ask(&mut self, name: &str, command: Command) -> Result<Reply, RefusalCode> {
        let request = ClientFrame::Request { id: 7, command };
        self.relay.receive(name, request);
        loop {
            match self.relay.take(name, 1).pop().unwrap() {
                RelayFrame::Reply { reply, .. } => return Ok(reply),
                RelayFrame::Refused { refusal, .. } => return Err(refusal.code),
                _ => {}
            }
        }
    }

    fn append(&mut self, lane: Lane, handshakes: u64) -> Result<Reply, RefusalCode> {
        self.next += 1;
        let append = Command::Append {
            channel: HERE,
            writer: self.key.public(),
            lane,
            append: AppendId(u128::from(self.next).to_be_bytes()),
            handshakes,
            body: vec![7; 8],
            subscribers: Vec::new(),
            fence: false,
        };
        self.ask("first", append)
    }

    fn subscribe(&mut self, name: &str) -> Vec<Delivered> {
        let subscriber = self.key.public();
        let subscribe = Command::Subscribe {
            channel: HERE,
            subscriber,
        };
        assert!(self.ask(name, subscribe).is_ok());
        self.delivered(name)
    }

    fn delivered(&mut self, name: &str) -> Vec<Delivered> {
        let frames = self.relay.take(name, usize::MAX).into_iter();
        let delivered = frames.filter_map(|frame| match frame {
            RelayFrame::Deliver { delivered, .. } => Some(delivered),
            _ => None,
        });
        delivered.collect()
    }

    fn acknowledge(&mut self, name: &str, position: u64) {
        let frame = ClientFrame::Acknowledge {
            channel: HERE,
            subscriber: self.key.public(),
            position: Position(position),
        };
        self.relay.receive(name, frame);
    }
}

fn positions(delivered: &[Delivered]) -> Vec<u64> {
    let entries = delivered.iter().filter_map(|delivered| match delivered {
        Delivered::Entry(entry) => Some(entry.position.0),
        _ => None,
    });
    entries.collect()
}

#[test]
fn what_went_by_age_is_a_gap_and_handshakes_stay_longer() {
    let mut scene = Scene::new();
    assert!(scene.append(Lane::Chat, 0).is_ok());
    assert!(scene.append(Lane::Handshake, 0).is_ok());
    assert!(scene.append(Lane::Chat, 1).is_ok());
    scene.relay.now += 31 * DAY;
    scene.relay.age();
    assert_eq!(scene.relay.lost().len(), 2);
    let delivered = scene.subscribe("first");
    assert!(
        matches!(&delivered[0], Delivered::Gap(gap) if gap.until.0 == 1 && gap.handshakes == 0)
    );
    assert_eq!(positions(&delivered), [2]);
    assert!(
        matches!(&delivered[2], Delivered::Gap(gap) if gap.until.0 == 3 && gap.handshakes == 1)
    );
    assert_eq!(delivered[3], Delivered::CaughtUp(Position(3)));
}

#[test]
fn of_rival_handshakes_the_first_wins_and_chats_may_be_three_behind() {
    let mut scene = Scene::new();
    for handshakes in 0..4 {
        assert!(scene.append(Lane::Handshake, handshakes).is_ok());
    }
    assert_eq!(scene.append(Lane::Handshake, 3), Err(RefusalCode::Stale));
    assert!(scene.append(Lane::Chat, 1).is_ok());
    assert_eq!(scene.append(Lane::Chat, 0), Err(RefusalCode::Stale));
    assert_eq!(scene.append(Lane::Chat, 5), Err(RefusalCode::Stale));
}

#[test]
fn the_newer_subscription_takes_over() {
    let mut scene = Scene::new();
    scene.subscribe("first");
    scene.connect("second");
    scene.subscribe("second");
    assert!(scene.append(Lane::Chat, 0).is_ok());
    assert!(scene.delivered("first").is_empty());
    assert_eq!(positions(&scene.delivered("second")), [1]);
}

#[test]
fn at_most_256_are_delivered_and_not_acknowledged() {
    let mut scene = Scene::new();
    for _ in 0..300 {
        assert!(scene.append(Lane::Chat, 0).is_ok());
    }
    assert_eq!(positions(&scene.subscribe("first")).len(), 256);
    assert!(scene.delivered("first").is_empty());
    scene.acknowledge("first", 40);
    assert_eq!(positions(&scene.delivered("first")).len(), 40);
    scene.acknowledge("first", 296);
    let rest = scene.delivered("first");
    assert_eq!(positions(&rest), [297, 298, 299, 300]);
    assert_eq!(rest.last(), Some(&Delivered::CaughtUp(Position(300))));
}

#[test]
fn a_crash_takes_cursors_back_and_loses_no_entry() {
    let mut scene = Scene::new();
    scene.relay.forgetful = true;
    scene.subscribe("first");
    assert!(scene.append(Lane::Chat, 0).is_ok());
    scene.acknowledge("first", 1);
    scene.relay.crash();
    scene.connect("first");
    assert_eq!(positions(&scene.subscribe("first")), [1]);
    scene.acknowledge("first", 1);
    scene.relay.write_cursors();
    scene.relay.crash();
    scene.connect("first");
    assert!(positions(&scene.subscribe("first")).is_empty());
}

#[test]
fn an_acknowledgement_without_a_proof_moves_nothing_and_ends_the_connection() {
    let mut scene = Scene::new();
    assert!(scene.append(Lane::Chat, 0).is_ok());
    scene.relay.connect("mallory");
    scene.acknowledge("mallory", 1);
    let answers = scene.relay.take("mallory", usize::MAX);
    let [RelayFrame::Closing(refusal)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(refusal.code, RefusalCode::Unexpected);
    assert_eq!(positions(&scene.subscribe("first")), [1]);
}
