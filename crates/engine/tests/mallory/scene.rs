//! Alice, and Mallory's way into a conversation with her.

use sotto_engine::{AccountId, ConversationId};
use sotto_suite::secret::Secret;
use sotto_wire::Lane;

use super::{Account, Channel, Device, Opening, text};
use crate::world::World;

const GENERATION: [u8; 32] = [3; 32];

/// Alice has made an invite, and Mallory has got hold of it.
pub struct Scene {
    pub world: World,
    pub mallory: Account,
    pub laptop: Device,
    pub opening: Opening,
    pub channel: Channel,
    /// What Alice has said, as far as Mallory has followed.
    pub heard: Vec<Vec<u8>>,
    followed: usize,
}

impl Scene {
    pub fn new() -> Self {
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
            heard: Vec::new(),
            followed: 0,
        }
    }

    pub fn sybil(&self) -> Account {
        Account::new(60, &self.world.address(), self.world.now)
    }

    /// Mallory founds the group with these guests besides Alice, and asks her.
    pub fn found(&mut self, listed: &[AccountId], guests: &mut [&mut Device]) {
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

    pub fn two(&self) -> [AccountId; 2] {
        [self.mallory.id(), self.opening.invited_by]
    }

    /// Alice accepts; her acceptance commit reaches everybody.
    pub fn accept(&mut self, guests: &mut [&mut Device]) -> ConversationId {
        let alices = self.world.accept("alice");
        for message in self.follow() {
            guests.iter_mut().for_each(|guest| _ = guest.take(&message));
        }
        alices
    }

    /// Mallory's laptop takes whatever stands in the channel that it has not taken yet.
    pub fn follow(&mut self) -> Vec<Vec<u8>> {
        let stands = self.channel.read(&mut self.world, &self.laptop.subscriber);
        let fresh = stands.get(self.followed..).unwrap_or_default().to_vec();
        self.followed = stands.len();
        self.heard
            .extend(fresh.iter().filter_map(|message| self.laptop.take(message)));
        fresh
    }

    /// Whether Alice has said these words once.
    pub fn heard_from_alice(&self, words: &str) -> bool {
        let says = |said: &Vec<u8>| {
            said.windows(words.len())
                .any(|part| part == words.as_bytes())
        };
        self.heard.iter().filter(|said| says(said)).count() == 1
    }

    pub fn say(&mut self, number: u8, words: &str) {
        let sealed = self.laptop.seal(&text(number, words));
        self.channel.put(&mut self.world, Lane::Chat, sealed);
    }

    pub fn seen(&self, alices: ConversationId) -> Vec<String> {
        let texts = self.world.texts("alice", alices).into_iter();
        texts.map(|(_, text, _)| text).collect()
    }

    /// Why entries could not be opened.
    pub fn refused(&self) -> Vec<String> {
        let database = self.world.beside("alice");
        let sql = "SELECT unopenable FROM entries WHERE unopenable IS NOT NULL ORDER BY position";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub fn members(&self, alices: ConversationId) -> Vec<AccountId> {
        let details = self.world.reader("alice").details(alices).unwrap();
        details
            .members
            .iter()
            .map(|member| member.account)
            .collect()
    }
}
