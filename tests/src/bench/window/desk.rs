//! One person's login: a home, a session bus and an unlocked keychain, shared with nobody.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::ended::Ended;
use super::screen::Screen;

pub struct Desk {
    home: PathBuf,
    bus: String,
    display: String,
    _keychain: Ended,
    _bus: Ended,
}

impl Desk {
    pub fn new(home: &Path, screen: &Screen) -> Self {
        std::fs::create_dir_all(home.join("run")).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]);
        bus.env("HOME", home)
            .env("XDG_RUNTIME_DIR", home.join("run"));
        bus.env("DISPLAY", &screen.display);
        let mut bus = Ended::start(bus.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut address = String::new();
        BufReader::new(bus.0.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim().to_owned();
        let keychain = keychain(home, &address);
        Self {
            home: home.to_owned(),
            bus: address,
            display: screen.display.clone(),
            _keychain: keychain,
            _bus: bus,
        }
    }

    /// A program of this person.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs([
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.as_str()),
            ("DISPLAY", self.display.as_str()),
            // Nobody listens with a screen reader, and its services would outlive the bus.
            ("NO_AT_BRIDGE", "1"),
        ]);
        command.env("HOME", &self.home);
        command.env("XDG_RUNTIME_DIR", self.home.join("run"));
        for name in [
            "WAYLAND_DISPLAY",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(name);
        }
        command
    }
}

/// A keychain whose login has unlocked it; comes back when it can be asked.
fn keychain(home: &Path, bus: &str) -> Ended {
    let mut keyring = Command::new("gnome-keyring-daemon");
    keyring.args(["--foreground", "--unlock", "--components=secrets"]);
    keyring
        .env("HOME", home)
        .env("DBUS_SESSION_BUS_ADDRESS", bus);
    keyring.env("XDG_RUNTIME_DIR", home.join("run"));
    keyring.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut keyring = Ended::start(keyring.stderr(Stdio::null()));
    let mut input = keyring.0.stdin.take().unwrap();
    input.write_all(b"a throwaway login").unwrap();
    drop(input);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut ask = Command::new("dbus-send");
        ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus"]);
        ask.args(["/", "org.freedesktop.DBus.NameHasOwner"]);
        ask.arg("string:org.freedesktop.secrets");
        let said = ask.env("DBUS_SESSION_BUS_ADDRESS", bus).output().unwrap();
        if String::from_utf8_lossy(&said.stdout).contains("true") {
            return keyring;
        }
        assert!(Instant::now() < deadline, "no keychain");
        std::thread::sleep(Duration::from_millis(50));
    }
}
