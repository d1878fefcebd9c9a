//! A disk without room, at a client and at a relay. It takes a file system of its own, which only
//! root may mount; elsewhere these stories are skipped with a notice.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sotto_tests::{History, Key, Person, RelayProcess, Stage, introduce, text};

use super::problem;

/// A small file system in memory, gone when dropped.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// None: this user may not mount.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m,mode=700"),
                "tmpfs",
            ])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: only root may mount a small file system");
        }
        mounted.then(|| Self { at: at.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for piece in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
fn a_client_without_room_says_so_and_loses_nothing() {
    let stage = Stage::new().unwrap();
    let Some(disk) = SmallDisk::mount(&stage.folder().join("alice"), 8) else {
        return;
    };
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage
        .person("alice", relay.address(), Key::Passphrase)
        .unwrap();
    let mut bob = stage.person("bob", relay.address(), Key::Memory).unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    alice.say("There is still room.").unwrap();
    bob.hear().unwrap();

    disk.fill();
    // The file system may have room inside pages that are there already.
    let full = (0..200).find_map(|number| {
        let words = format!("{number} {}", "is there room? ".repeat(400));
        let params = json!({ "conversation": alice.conversation(), "text": words });
        match alice.call("send_text", params) {
            Ok(_) => None,
            refused => Some(problem(refused)),
        }
    });
    let full = full.expect("the disk never filled up");
    assert_eq!(full.code, "disk_full", "{full:?}");
    let taken = History::read(&mut alice).unwrap().texts().len();

    // What arrives now can't be kept: the relay keeps it, and Alice is told.
    let id = bob.say("You will get this later.").unwrap();
    bob.until_delivery(&id, "stored").unwrap();
    let storage = alice
        .rpc()
        .event("storage", |e| !e["problem"].is_null())
        .unwrap();
    assert_eq!(text(&storage, "/problem/code"), "disk_full", "{storage}");

    // Killed on the full disk, she comes back to everything that was there.
    alice.start_again().unwrap();
    disk.make_room();
    alice.open().unwrap();
    bob.until_delivery(&id, "delivered").unwrap();
    let heard = alice.call("message", json!({ "message": id })).unwrap();
    assert_eq!(text(&heard, "/body/text"), "You will get this later.");
    let last = alice.say("There is room again.").unwrap();
    alice.until_delivery(&last, "delivered").unwrap();
    let (at_alice, at_bob) = (
        History::read(&mut alice).unwrap(),
        History::read(&mut bob).unwrap(),
    );
    assert_eq!(
        at_alice.texts().len(),
        taken + 2,
        "no refused text was taken"
    );
    let sorted = |history: &History| {
        let mut texts: Vec<String> = history.texts().into_iter().map(str::to_owned).collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&at_alice), sorted(&at_bob));
    assert_eq!(at_alice.troubles(), Vec::<&str>::new());
}

#[test]
fn a_profile_that_has_no_room_is_not_made_in_part() {
    let stage = Stage::new().unwrap();
    let Some(disk) = SmallDisk::mount(&stage.folder().join("alice"), 1) else {
        return;
    };
    disk.fill();
    let mut alice = Person::arrive(
        "alice",
        &stage.programs().sotto,
        &stage.folder().join("alice"),
        &stage.folder().join("alice.log"),
    )
    .unwrap();
    let relay = format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43));
    for key in [Key::Memory, Key::Passphrase] {
        let refused = alice.create("Alice", &relay, key).unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!(problem.code, "disk_full", "{problem:?}");
        super::whole(problem);
        let listed = alice.rpc().call("list_profiles", &json!({})).unwrap();
        assert_eq!(listed, json!([]));
    }
    disk.make_room();
    alice.create("Alice", &relay, Key::Memory).unwrap();
}

#[test]
fn a_relay_without_room_takes_nothing_until_it_has_some() {
    let stage = Stage::new().unwrap();
    // Room for all of it and for the log beside it, however slowly Bob reads.
    let Some(disk) = SmallDisk::mount(&stage.folder().join("small"), 12) else {
        return;
    };
    let relay = RelayProcess::start(
        &stage.programs().relay,
        &stage.folder().join("small").join("relay"),
        &stage.folder().join("relay.log"),
        &[],
    )
    .unwrap();
    let mut alice = stage.person("alice", relay.address(), Key::Memory).unwrap();
    let mut bob = stage.person("bob", relay.address(), Key::Memory).unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    bob.rpc().event("conversation_changed", |_| true).unwrap();

    disk.fill();
    let words = "Is there room at the relay? ".repeat(1500);
    let ids: Vec<String> = (0..40).map(|_| alice.say(&words).unwrap()).collect();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let waiting = alice
        .call("message", json!({ "message": ids[39] }))
        .unwrap();
    assert_eq!(
        text(&waiting, "/delivery"),
        "queued",
        "the relay had no room for it"
    );

    disk.make_room();
    for id in &ids {
        alice.until_delivery(id, "delivered").unwrap();
    }
    let came: Vec<String> = History::read(&mut bob)
        .unwrap()
        .by("them")
        .map(|h| h.id.clone())
        .collect();
    assert_eq!(came, ids);
}
