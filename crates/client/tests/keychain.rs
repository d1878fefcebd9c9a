//! The keychain, for real: gnome-keyring on a session bus of its own, with a home of its own.
//!
//! Each story starts a session and runs one of the steps below in it, by calling this test binary
//! again. The steps do nothing by themselves, so they are left out of ordinary runs.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sotto_client::{Host, HostConfig, NewAccount, Passphrase, ProfileName, Protection, Timing};
use tokio_util::sync::CancellationToken;

/// A person's machine: a home that keeps its keyrings, and a data folder.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        for (program, package) in [
            ("dbus-run-session", "dbus"),
            ("gnome-keyring-daemon", "gnome-keyring"),
        ] {
            let found = Command::new(program).arg("--version").output().is_ok();
            assert!(found, "{program} is missing: apt-get install {package}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs `step` in a session of its own in which the shell line `keychain` has run.
    fn session(&self, keychain: &str, step: &str) -> Output {
        let script = format!("{keychain}\nexec \"$0\" --exact \"$1\" --ignored --nocapture");
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "bash", "-c", &script]);
        self.step(command, step)
    }

    /// Runs `step` where there is no session bus.
    fn without_bus(&self, step: &str) -> Output {
        let mut command = Command::new("bash");
        command.args(["-c", "exec \"$0\" --exact \"$1\" --ignored --nocapture"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
        self.step(command, step)
    }

    fn step(&self, mut command: Command, step: &str) -> Output {
        let home = self.folder.path();
        let output = command
            .arg(std::env::current_exe().unwrap())
            .arg(step)
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("share"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env_remove("GNOME_KEYRING_CONTROL")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env("SOTTO_TEST_DATA", self.data())
            .output()
            .unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains("1 passed"), "{step}:\n{text}");
        output
    }

    fn account(&self) -> String {
        std::fs::read_to_string(self.data().join("account")).unwrap()
    }
}

/// The person's login has unlocked the keyring (and made it, the first time).
const UNLOCKED: &str =
    "printf dummy | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1";
/// The keyring is there, and nobody has unlocked it.
const LOCKED: &str = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1";

#[test]
fn a_key_in_the_keychain_opens_the_profile_again_after_the_next_login() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_create");
    machine.session(UNLOCKED, "step_open");
}

#[test]
fn the_key_is_in_no_file_of_the_profile() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_create");
    let profile = machine.data().join("profiles/alice");
    let names: Vec<_> = std::fs::read_dir(&profile)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.contains("key")), "{names:?}");
    let description = std::fs::read_to_string(profile.join("profile.json")).unwrap();
    assert!(description.contains("\"keychain\""));
}

#[test]
fn a_locked_keychain_is_named_and_changes_nothing() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_create");
    let before = machine.account();
    machine.session(LOCKED, "step_open_locked");
    machine.session(UNLOCKED, "step_open");
    assert_eq!(machine.account(), before);
}

#[test]
fn a_keychain_without_the_key_never_makes_a_new_identity() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_create");
    let before = machine.account();
    let database = machine.data().join("profiles/alice/profile.db");
    let bytes = std::fs::read(&database).unwrap();
    // Another home: a keyring that has never heard of the profile.
    let elsewhere = Machine::new();
    copy(&machine.data(), &elsewhere.data());
    elsewhere.session(UNLOCKED, "step_open_without_key");
    assert_eq!(elsewhere.account(), before);
    assert_eq!(
        std::fs::read(elsewhere.data().join("profiles/alice/profile.db")).unwrap(),
        bytes
    );
}

#[test]
fn without_a_bus_the_passphrase_is_the_way() {
    let machine = Machine::new();
    machine.without_bus("step_create_without_keychain");
    // The same profile opens later in a session that has a keychain.
    machine.session(UNLOCKED, "step_open_with_passphrase");
}

#[test]
fn a_profile_of_the_keychain_does_not_open_without_one() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_create");
    machine.without_bus("step_open_without_keychain");
    machine.session(UNLOCKED, "step_open");
}

#[test]
fn a_keychain_that_is_restarted_is_found_again() {
    let machine = Machine::new();
    machine.session(UNLOCKED, "step_open_after_a_restart");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

// The steps, each in a session of its own.

fn data() -> PathBuf {
    PathBuf::from(std::env::var_os("SOTTO_TEST_DATA").expect("a step runs inside a story"))
}

fn host() -> Host {
    let config = HostConfig {
        data: data(),
        timing: Timing::default(),
    };
    Host::new(config, CancellationToken::new())
}

fn alice() -> ProfileName {
    "alice".parse().unwrap()
}

fn account() -> NewAccount {
    NewAccount {
        name: "Alice".into(),
        relay: format!("sotto-relay://127.0.0.1:1#{}", "A".repeat(43)),
        device_name: "test".into(),
    }
}

async fn remember(profile: &sotto_client::Profile) {
    let account = profile.read(|reader| reader.account()).await.unwrap();
    std::fs::write(data().join("account"), account.account.to_string()).unwrap();
}

async fn open(passphrase: Option<Passphrase>) -> Result<(), String> {
    let host = host();
    match host.open(&alice(), passphrase).await {
        Err(error) => Err(error.problem().code),
        Ok(profile) => {
            let known = std::fs::read_to_string(data().join("account")).unwrap();
            let account = profile.read(|reader| reader.account()).await.unwrap();
            assert_eq!(account.account.to_string(), known);
            host.close().await;
            Ok(())
        }
    }
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_create() {
    let host = host();
    let profile = host
        .create(&alice(), account(), Protection::Keychain)
        .await
        .unwrap();
    remember(&profile).await;
    host.close().await;
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open() {
    assert_eq!(open(None).await, Ok(()));
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open_locked() {
    assert_eq!(open(None).await, Err("keychain_locked".into()));
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open_without_key() {
    assert_eq!(open(None).await, Err("key_not_found".into()));
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open_without_keychain() {
    assert_eq!(open(None).await, Err("keychain_missing".into()));
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_create_without_keychain() {
    let host = host();
    let error = host
        .create(&alice(), account(), Protection::Keychain)
        .await
        .unwrap_err();
    assert_eq!(error.problem().code, "keychain_missing");
    assert!(!host.exists(&alice()), "nothing is left of the attempt");
    let passphrase = Passphrase::from("correct horse battery");
    let protection = Protection::Passphrase { passphrase };
    let profile = host.create(&alice(), account(), protection).await.unwrap();
    remember(&profile).await;
    host.close().await;
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open_with_passphrase() {
    assert_eq!(open(None).await, Err("passphrase_needed".into()));
    assert_eq!(
        open(Some("correct horse".into())).await,
        Err("wrong_passphrase".into())
    );
    assert_eq!(open(Some("correct horse battery".into())).await, Ok(()));
}

/// Starts the keychain's program, unlocked, in the place of one that runs.
fn restart_keychain() {
    let script = "printf dummy | gnome-keyring-daemon --replace --unlock --components=secrets >/dev/null 2>&1";
    let ended = Command::new("bash").args(["-c", script]).status().unwrap();
    assert!(ended.success());
}

#[tokio::test]
#[ignore = "a step of the stories above, inside a session of theirs"]
async fn step_open_after_a_restart() {
    let host = host();
    let profile = host
        .create(&alice(), account(), Protection::Keychain)
        .await
        .unwrap();
    remember(&profile).await;
    host.close().await;
    assert_eq!(open(None).await, Ok(()));
    restart_keychain();
    assert_eq!(open(None).await, Ok(()), "by the same process");
}
