//! Profiles that can't be opened. Whatever the reason, nobody is given a new identity instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use sotto_tests::{History, Key, PASSPHRASE, Person, Stage, introduce, kept, open_database};

use super::problem;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files of a folder with their content.
fn read_all(folder: &Path) -> Files {
    let files = kept::files(folder).unwrap().into_iter();
    files
        .map(|path| {
            let content = std::fs::read(&path).unwrap();
            (path, content)
        })
        .collect()
}

/// The same without the lock, which says nothing and may come and go, and without the index of
/// SQLite's log; an empty log is none.
fn read(folder: &Path) -> Files {
    let passing = |path: &Path| {
        let path = path.to_string_lossy();
        path.ends_with("lock") || path.ends_with("-shm")
    };
    let mut files = read_all(folder);
    let empty_log = |path: &Path, content: &[u8]| {
        content.is_empty() && path.to_string_lossy().ends_with("-wal")
    };
    files.retain(|path, content| !passing(path) && !empty_log(path, content));
    files
}

fn restore(folder: &Path, files: &Files) {
    // What a wound left or took away must not stay.
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    for (path, content) in files {
        std::fs::write(path, content).unwrap();
    }
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

fn unchanged(folder: &Path, before: Option<&Files>, code: &str) {
    let after = if folder.exists() {
        read(folder)
    } else {
        Default::default()
    };
    let empty = Files::new();
    let before = before.unwrap_or(&empty);
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(before), "{code}");
    for (path, content) in &after {
        // Not assert_eq: nobody wants to see it.
        assert!(
            before[path] == *content,
            "{code}: {} was changed",
            path.display()
        );
    }
}

/// Opening fails with this code; nothing is changed by the attempt, and a new profile of the same
/// name is refused.
fn refused(person: &mut Person, passphrase: Option<&str>, code: &str) {
    let folder = person.profile_folder();
    let before = folder.exists().then(|| read(&folder));
    person.start_again().unwrap();
    let params = passphrase.map_or(json!({}), |passphrase| json!({ "passphrase": passphrase }));
    let problem = problem(person.call("open_profile", params));
    assert_eq!(problem.code, code, "{problem:?}");
    unchanged(&folder, before.as_ref(), code);
    if before.is_some() {
        let relay = format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43));
        let again = person
            .create("Somebody new", &relay, Key::Passphrase)
            .unwrap_err();
        assert_eq!(again.problem().unwrap().code, "profile_exists", "{code}");
        unchanged(&folder, before.as_ref(), code);
    }
}

#[test]
fn a_profile_that_can_not_be_opened_says_why_and_stays_what_it_is() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage
        .person("alice", relay.address(), Key::Passphrase)
        .unwrap();
    let mut bob = stage
        .person("bob", relay.address(), Key::Passphrase)
        .unwrap();
    introduce(&mut alice, &mut bob).unwrap();
    alice.say("Remember me.").unwrap();
    bob.hear().unwrap();
    let account = alice.call("account", json!({})).unwrap();
    // Alice's program is killed: what it wrote last stands in the log beside the database. Bob
    // closes his, which leaves one file.
    alice.rpc().kill();
    assert!(bob.quit());
    let log_length = |person: &Person| {
        let log = person.profile_folder().join("profile.db-wal");
        log.metadata().map_or(0, |log| log.len())
    };
    assert!(log_length(&alice) > 0);
    assert_eq!(log_length(&bob), 0);
    let folder = alice.profile_folder();
    let (database, description, key) = (
        folder.join("profile.db"),
        folder.join("profile.json"),
        folder.join("profile-key.json"),
    );
    let whole = read_all(&folder);

    refused(&mut alice, Some("battery horse"), "wrong_passphrase");
    refused(&mut alice, None, "passphrase_needed");

    let wounds: &[(&str, &dyn Fn())] = &[
        ("database_wrong_key", &|| {
            std::fs::copy(bob.profile_folder().join("profile.db"), &database).unwrap();
        }),
        ("database_wrong_key", &|| {
            let length = std::fs::metadata(&database).unwrap().len();
            std::fs::write(&database, vec![b'x'; length as usize]).unwrap();
        }),
        ("database_damaged", &|| {
            let mut content = std::fs::read(&database).unwrap();
            // All but the first page.
            content[4096..].iter_mut().for_each(|byte| *byte = !*byte);
            std::fs::write(&database, content).unwrap();
        }),
        ("database_damaged", &|| {
            let content = std::fs::read(&database).unwrap();
            std::fs::write(&database, &content[..4096]).unwrap();
        }),
        ("database_damaged", &|| {
            std::fs::write(&database, "").unwrap()
        }),
        ("database_missing", &|| {
            std::fs::remove_file(&database).unwrap()
        }),
        ("database_newer", &|| {
            let opened = open_database(&folder).unwrap();
            let version: i64 = opened
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .unwrap();
            opened
                .pragma_update(None, "user_version", version + 1)
                .unwrap();
            opened
                .pragma_update(None, "wal_checkpoint", "TRUNCATE")
                .unwrap();
        }),
        ("profile_newer", &|| {
            replace(&description, "\"version\": 1", "\"version\": 2")
        }),
        ("profile_damaged", &|| {
            std::fs::write(&description, "{").unwrap()
        }),
        ("profile_damaged", &|| {
            std::fs::remove_file(&description).unwrap()
        }),
        ("key_file_newer", &|| {
            replace(&key, "\"version\": 1", "\"version\": 2")
        }),
        ("key_file_damaged", &|| {
            replace(&key, "\"lanes\": 1", "\"lanes\": 2")
        }),
        ("key_file_damaged", &|| std::fs::remove_file(&key).unwrap()),
        ("profile_not_found", &|| {
            std::fs::remove_dir_all(&folder).unwrap()
        }),
    ];
    for (code, wound) in wounds {
        wound();
        refused(&mut alice, Some(PASSPHRASE), code);
        alice.rpc().kill();
        restore(&folder, &whole);
    }

    alice.start_again().unwrap();
    alice.open().unwrap();
    assert_eq!(alice.call("account", json!({})).unwrap(), account);
    assert_eq!(History::read(&mut alice).unwrap().texts(), ["Remember me."]);
    bob.start_again().unwrap();
    bob.open().unwrap();
    alice.say("I am still the same.").unwrap();
    assert_eq!(bob.hear().unwrap().text, "I am still the same.");
}

#[test]
fn a_profile_is_open_in_one_program_at_a_time() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage
        .person("alice", relay.address(), Key::Passphrase)
        .unwrap();
    let log = stage.folder().join("second.log");
    let sotto = &stage.programs().sotto;
    let mut second = Person::arrive("alice", sotto, alice.data(), &log).unwrap();
    let open = json!({ "passphrase": PASSPHRASE });
    assert_eq!(
        problem(second.call("open_profile", open.clone())).code,
        "profile_in_use"
    );
    // The first one doesn't notice.
    let account = alice.call("account", json!({})).unwrap();
    alice
        .call("set_name", json!({ "name": "Alice Liddell" }))
        .unwrap();

    // A program that is killed lets go.
    alice.rpc().kill();
    second.call("open_profile", open).unwrap();
    let now = second.call("account", json!({})).unwrap();
    assert_eq!(now["account"], account["account"]);
    assert_eq!(now["name"], "Alice Liddell");
}

#[test]
fn where_no_key_can_be_kept_or_had_nothing_is_made() {
    let stage = Stage::new().unwrap();
    let relay = stage.relay("relay").unwrap();
    let mut alice = stage.arrive("alice").unwrap();
    let mut create = |protection| {
        let new = json!({
            "name": "Alice", "relay": relay.address(), "device_name": "story",
            "protection": protection,
        });
        let code = problem(alice.call("create_profile", new)).code;
        let listed = alice.rpc().call("list_profiles", &json!({})).unwrap();
        assert_eq!(listed, json!([]), "{code}");
        code
    };
    // The driver gives no session bus.
    assert_eq!(create(json!({ "by": "keychain" })), "keychain_missing");
    let short = json!({ "by": "passphrase", "passphrase": "seven77" });
    assert_eq!(create(short), "passphrase_too_short");

    // A throwaway profile is gone with its program, and says so.
    alice.create("Alice", relay.address(), Key::Memory).unwrap();
    assert!(alice.quit());
    refused(&mut alice, None, "key_in_memory_only");
}
