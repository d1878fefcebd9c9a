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

use mallory::{Device, Scene, any_behaviour, any_letters, message, text};
use proptest::prelude::*;
use sotto_engine::*;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use sotto_wire::{Lane, RefusalCode, RelayAddress};

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

/// A relay of her choice would learn where Alice is, and when.
#[test]
fn no_relay_that_a_letter_names_is_asked_before_it_is_accepted() {
    let mut scene = Scene::new();
    let home = scene.world.address();
    scene.opening.relay = RelayAddress::new("relay.example", 443, home.identity, false).unwrap();
    scene.found(&scene.two(), &mut []);
    scene.world.crash("alice");
    scene.world.connect("alice");
    scene.world.wait(3_600_000);
    let asked = |scene: &Scene| {
        let wants = &scene.world.people["alice"].wants;
        wants.contains(&scene.opening.relay)
    };
    assert_eq!(scene.world.reader("alice").requests().unwrap().len(), 1);
    assert!(!asked(&scene));
    scene.world.accept("alice");
    assert!(asked(&scene));
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

/// What is refused below is refused for the account, and not because nobody may add a device.
#[test]
fn a_member_adds_a_device_of_its_own() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let phone = scene.mallory.phone(scene.world.now);
    let commit = scene.laptop.add(&phone.key_package());
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    scene.say(1, "I have a phone now.");
    assert_eq!(scene.seen(alices), ["I have a phone now."]);
    assert!(scene.refused().is_empty());
}

/// Even with Alice's account key in her hands.
#[test]
fn nobody_adds_a_device_to_another_account_that_is_there() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let stolen = scene.world.beside("alice").query_row(
        "SELECT account_seed, chain FROM profile",
        [],
        |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Vec<u8>>(1)?)),
    );
    let (seed, chain) = stolen.unwrap();
    let chain = identity::UnverifiedChain::decode(&chain).unwrap();
    let chain = chain.verify(&scene.opening.invited_by).unwrap();
    let account_key = SigningKey::from_seed(&Secret::new(seed));
    let tablet = Device::certified(&chain, &account_key, scene.world.now);
    let commit = scene.laptop.add(&tablet.key_package());
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    assert_eq!(scene.members(alices).len(), 2);
    assert!(scene.refused()[0].contains("the sender may not do this"));
}

#[test]
fn nobody_removes_another_account() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let commit = scene.laptop.remove_another();
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    assert!(scene.refused()[0].contains("the sender may not do this"));
    // Alice is still in, and goes on.
    scene.world.say("alice", alices, "I'm still here.");
    scene.world.settle();
    assert_eq!(scene.world.texts("alice", alices)[0].2, Delivery::Stored);
}

/// A device enters by the commit of whoever answers for it, never by a proposal that somebody else
/// picks up.
#[test]
fn an_addition_that_was_only_proposed_is_refused() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let phone = scene.mallory.phone(scene.world.now);
    let proposal = scene.laptop.propose_to_add(&phone.key_package());
    scene
        .channel
        .put(&mut scene.world, Lane::Handshake, proposal);
    let commit = scene.laptop.commit();
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    assert_eq!(scene.members(alices).len(), 2);
    // The proposal, and the commit that takes it up.
    assert_eq!(scene.refused().len(), 2);
    assert!(scene.refused()[0].contains("a proposal of a kind that is not allowed"));
}

#[test]
fn a_bad_proposal_keeps_nobody_from_committing() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let sybil = scene.sybil().laptop(scene.world.now);
    let proposal = scene.laptop.propose_to_add(&sybil.key_package());
    scene
        .channel
        .put(&mut scene.world, Lane::Handshake, proposal);
    let subscriber = scene.laptop.subscriber.clone();
    let before = scene.channel.read(&mut scene.world, &subscriber).len();
    // Alice's weekly commit is due.
    scene.world.wait(8 * 86_400_000);
    let after = scene.channel.read(&mut scene.world, &subscriber).len();
    assert!(after > before, "she has committed");
    assert_eq!(scene.members(alices).len(), 2, "and Sybil is not in");
}

#[test]
fn a_bad_proposal_keeps_nobody_from_writing() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let phone = scene.mallory.phone(scene.world.now);
    let proposal = scene.laptop.propose_to_add(&phone.key_package());
    let Scene { channel, world, .. } = &mut scene;
    channel.put(world, Lane::Handshake, proposal);
    assert!(scene.refused()[0].contains("a proposal of a kind that is not allowed"));
    scene.laptop.forget_proposals();
    scene.world.say("alice", alices, "I am still here.");
    scene.world.settle();
    scene.follow();
    assert!(scene.heard_from_alice("I am still here."));
}

/// Nobody may say anything in an epoch in which something was proposed (RFC 9420, section 12.4).
#[test]
fn what_was_proposed_is_committed_before_anything_is_said() {
    for crash in [false, true] {
        let mut scene = Scene::new();
        scene.found(&scene.two(), &mut []);
        let alices = scene.accept(&mut []);
        let (epoch, _) = scene.laptop.epoch();
        let proposal = scene.laptop.propose_update();
        let Scene { channel, world, .. } = &mut scene;
        world.disconnect("alice");
        channel.put(world, Lane::Handshake, proposal);
        world.relay.refuse = vec![RefusalCode::Unavailable];
        world.connect("alice");
        world.settle();
        assert!(world.relay.refuse.is_empty(), "the commit was refused");
        world.say("alice", alices, "I am still here.");
        world.settle();
        if crash {
            world.crash("alice");
            world.connect("alice");
            world.settle();
        }
        world.wait(10_000);
        scene.follow();
        assert_eq!(scene.laptop.epoch().0, epoch + 1, "one commit, and no more");
        assert!(scene.heard_from_alice("I am still here."));
        scene.say(1, "So am I.");
        assert_eq!(scene.seen(alices), ["I am still here.", "So am I."]);
    }
}

/// Alice was away when it was proposed, and has something to say.
#[test]
fn a_text_goes_as_soon_as_the_commit_before_it_is_there() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    scene.world.disconnect("alice");
    scene.world.say("alice", alices, "I am still here.");
    let proposal = scene.laptop.propose_update();
    let Scene { channel, world, .. } = &mut scene;
    channel.put(world, Lane::Handshake, proposal);
    world.connect("alice");
    world.settle();
    scene.follow();
    assert!(scene.heard_from_alice("I am still here."));
}

/// Both fell due while Alice was away. The next generation derives from fresh keys.
#[test]
fn a_weekly_commit_goes_before_the_weekly_fence() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    scene.accept(&mut []);
    scene.world.disconnect("alice");
    scene.world.wait(8 * 86_400_000);
    scene.world.connect("alice");
    scene.world.settle();
    let (epoch, _) = scene.laptop.epoch();
    let last = scene.follow();
    assert_eq!(scene.laptop.epoch().0, epoch + 1, "a commit");
    // A fence holds no MLS message.
    assert!(last.len() >= 2 && last.iter().position(Vec::is_empty) == Some(last.len() - 1));
}

#[test]
fn a_pre_shared_key_is_for_the_founding_commit_alone() {
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    scene.accept(&mut []);
    let commit = scene.laptop.add_psk(scene.opening.psk());
    scene.channel.put(&mut scene.world, Lane::Handshake, commit);
    assert!(scene.refused()[0].contains("a proposal of a kind that is not allowed"));
}

#[test]
fn every_kind_of_message_counts_in_its_own_lane_alone() {
    type Make = fn(&mut Scene) -> Vec<u8>;
    let content: Make = |scene| scene.laptop.seal(&text(1, "among the commits"));
    let proposal: Make = |scene| scene.laptop.propose_update();
    let commit: Make = |scene| scene.laptop.commit();
    for (make, lane) in [
        (content, Lane::Handshake),
        (proposal, Lane::Chat),
        (commit, Lane::Chat),
    ] {
        let mut scene = Scene::new();
        scene.found(&scene.two(), &mut []);
        let alices = scene.accept(&mut []);
        let made = make(&mut scene);
        scene.channel.put(&mut scene.world, lane, made);
        assert!(scene.seen(alices).is_empty());
        assert!(scene.refused()[0].contains("in a lane where it does not belong"));
    }
}

#[test]
fn a_line_of_the_app_itself_is_not_believed() {
    const NOTICE: u32 = 1000;
    let mut scene = Scene::new();
    scene.found(&scene.two(), &mut []);
    let alices = scene.accept(&mut []);
    let lines = |scene: &Scene| {
        let page = scene.world.reader("alice").messages(alices, None, 100);
        page.unwrap().messages.len()
    };
    let before = lines(&scene);
    let sealed = scene.laptop.seal(&message(1, NOTICE, vec![0xa0]));
    scene.channel.put(&mut scene.world, Lane::Chat, sealed);
    assert_eq!(lines(&scene), before);
    scene.say(2, "Did you see that?");
    assert_eq!(lines(&scene), before + 1);
}

/// Whoever closes the channel from another epoch goes on in a channel that Alice never finds.
#[test]
fn a_fence_from_another_epoch_is_noticed() {
    for (later, other) in [(0, 0), (1, 0), (0, 1)] {
        let mut scene = Scene::new();
        scene.found(&scene.two(), &mut []);
        let alices = scene.accept(&mut []);
        let (epoch, mut authenticator) = scene.laptop.epoch();
        authenticator[7] ^= other;
        let Scene { channel, world, .. } = &mut scene;
        channel.close(world, epoch + later, authenticator);
        let view = scene.world.reader("alice").conversation(alices).unwrap();
        let expected = match (later, other) {
            (0, 0) => ShieldReason::NotCompared,
            _ => ShieldReason::HistoryDisputed,
        };
        assert_eq!(view.shield_reason, expected);
        assert!(scene.refused().is_empty(), "she crosses it all the same");
    }
}

/// What the fuzz targets `member` and `stranger` begin with, and what they ever found.
#[test]
fn what_the_fuzz_targets_have_kept_is_survived() {
    for (target, play) in [
        ("member", any_behaviour as fn(&[u8])),
        ("stranger", any_letters),
    ] {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut inputs = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            play(&std::fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 100,
        ..ProptestConfig::with_cases(32)
    })]

    #[test]
    fn whatever_she_does_alice_goes_on(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        any_behaviour(&bytes);
    }

    #[test]
    fn whatever_she_writes_alice_goes_on(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        any_letters(&bytes);
    }
}
