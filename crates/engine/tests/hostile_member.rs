//! A member who turns hostile, with a client of her own making: what she can't do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod mallory;
mod world;

use mallory::{Account, Channel, Device, Opening, text};
use sotto_engine::*;
use sotto_suite::secret::Secret;
use sotto_wire::Lane;
use world::World;

const GENERATION: [u8; 32] = [3; 32];

/// Alice has made an invite, and Mallory has got hold of it.
struct Scene {
    world: World,
    mallory: Account,
    laptop: Device,
    opening: Opening,
    channel: Channel,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        world.join("alice");
        let link = world.invite("alice", true);
        let mallory = Account::new(50, &world.address(), world.now);
        Self {
            laptop: mallory.laptop(world.now),
            opening: Opening::of(&mut world, &link),
            channel: Channel::new(&Secret::new(GENERATION)),
            mallory,
            world,
        }
    }

    fn sybil(&self) -> Account {
        Account::new(60, &self.world.address(), self.world.now)
    }

    /// Mallory founds the group with these guests besides Alice, and asks her.
    fn found(&mut self, listed: &[AccountId], guests: &mut [&mut Device]) {
        let mut packages = vec![self.opening.package.clone()];
        packages.extend(guests.iter().map(|guest| guest.key_package()));
        let generation = Secret::new(GENERATION);
        let psk = self.opening.psk();
        let founded = self.laptop.found(listed, &packages, psk, &generation);
        guests
            .iter_mut()
            .for_each(|guest| guest.join(&founded, psk));
        let readers = self.laptop.readers();
        self.channel.create(&mut self.world, readers);
        self.opening.write(&mut self.world, &self.mallory, &founded);
    }

    fn two(&self) -> [AccountId; 2] {
        [self.mallory.id(), self.opening.invited_by]
    }

    /// Alice accepts; her acceptance commit reaches everybody.
    fn accept(&mut self, guests: &mut [&mut Device]) -> ConversationId {
        let alices = self.world.accept("alice");
        let said = self.channel.read(&mut self.world, &self.laptop.subscriber);
        for message in &said {
            self.laptop.take(message);
            guests.iter_mut().for_each(|guest| guest.take(message));
        }
        alices
    }

    fn say(&mut self, number: u8, words: &str) {
        let sealed = self.laptop.seal(&text(number, words));
        self.channel.put(&mut self.world, Lane::Chat, sealed);
    }

    fn seen(&self, alices: ConversationId) -> Vec<String> {
        let texts = self.world.texts("alice", alices).into_iter();
        texts.map(|(_, text, _)| text).collect()
    }

    /// Why entries could not be opened.
    fn refused(&self) -> Vec<String> {
        let database = self.world.beside("alice");
        let sql = "SELECT unopenable FROM entries WHERE unopenable IS NOT NULL ORDER BY position";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn members(&self, alices: ConversationId) -> Vec<AccountId> {
        let details = self.world.reader("alice").details(alices).unwrap();
        details
            .members
            .iter()
            .map(|member| member.account)
            .collect()
    }
}

/// Her client is good enough to be believed: what is refused below is refused for its reason.
#[test]
fn mallory_gets_in_as_herself() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    scene.say(1, "Hello, it's me.");
    assert_eq!(scene.seen(alices), ["Hello, it's me."]);
    assert_eq!(scene.members(alices).len(), 2);
}

#[test]
fn a_welcome_into_a_group_with_a_third_account_is_refused() {
    let mut scene = Scene::new();
    let sybil = scene.sybil();
    let mut guest = sybil.laptop(scene.world.now);
    scene.found(&scene.two(), &mut [&mut guest]);
    let request = scene.world.reader("alice").requests().unwrap()[0].request;
    let answer = scene
        .world
        .command("alice", Command::AcceptRequest { request });
    assert_eq!(answer.unwrap_err().code, "request_invalid");
    assert!(
        scene
            .world
            .reader("alice")
            .conversations()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn nobody_is_added_who_is_not_on_the_list() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let sybil = scene.sybil().laptop(scene.world.now);
    let commit = scene.laptop.add(&sybil.key_package());
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    scene.say(1, "Now we are three.");
    assert_eq!(scene.members(alices).len(), 2, "Sybil is not in");
    assert!(scene.seen(alices).is_empty(), "Mallory has left by herself");
    assert!(scene.refused()[0].contains("the sender may not do this"));
    // Alice writes to those whom she knows of, and can't be kept from it.
    scene.world.say("alice", alices, "Who is there?");
    scene.world.settle();
    assert_eq!(scene.world.texts("alice", alices)[0].2, Delivery::Stored);
}

#[test]
fn what_a_removed_device_says_afterwards_is_refused_whatever_its_epoch() {
    let mut scene = Scene::new();
    let mut phone = scene.mallory.phone(scene.world.now);
    scene.found(&scene.two(), &mut [&mut phone]);
    let alices = scene.accept(&mut [&mut phone]);
    let before = phone.seal(&text(1, "from the phone"));
    let after = phone.seal(&text(2, "from the phone that was stolen"));
    scene.channel.put(&mut scene.world, Lane::Chat, before);
    assert_eq!(scene.seen(alices), ["from the phone"]);
    let commit = scene.laptop.remove(&phone);
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    assert_eq!(scene.members(alices).len(), 2);
    // Sealed before it was removed, in an epoch that Alice still has the keys of.
    scene.channel.put(&mut scene.world, Lane::Chat, after);
    scene.say(3, "from the laptop");
    assert_eq!(scene.seen(alices), ["from the phone", "from the laptop"]);
    // mls-rs looks whether the leaf is still the sender's, and the engine looks once more.
    assert_eq!(scene.refused().len(), 1);
}
