//! What is looked at, in the order in which things depend on each other.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use sotto_wire::{RelayAddress, RelayIdentity};
use zeroize::Zeroizing;

use super::Finding;
use crate::blobs::files::{self, Look};
use crate::config::settings::Settings;
use crate::data::{self, BLOBS, IDENTITY, RESTORING, STORE, identity_of, private};
use crate::disk;
use crate::open_files;
use crate::operation::local;
use crate::operation::stats::size;
use crate::store::Seconds;
use crate::store::sqlite::inspect::{Damage, Inspection};

const HOUR: Seconds = 60 * 60;
/// The first day of 2025: a clock before it is wrong.
const WRITTEN: Seconds = 1_735_689_600;
/// Room on the disk below which it is time to act, and below which nothing works for long.
const ENOUGH: u64 = 2 << 30;
const LEAST: u64 = 128 << 20;

fn files(connections: usize) -> Finding {
    match open_files::too_few(open_files::raise(), connections) {
        None => Finding::ok(format!(
            "open files: enough for {connections} connections, as granted here"
        )),
        Some(allowed) => Finding::warn(
            format!("open files: {allowed} are allowed here, and {connections} connections"),
            "raise the limit (`ulimit -Hn`, LimitNOFILE=), or lower `connections`",
        ),
    }
}

/// Everything.
pub(super) fn all(settings: &Settings, say: &mut dyn FnMut(Finding)) {
    let data = &settings.config.data;
    let now = settings.config.store.clock.now();
    let running = data::in_use(data);
    let runs = if running {
        "a relay runs on"
    } else {
        "no relay runs on"
    };
    say(Finding::ok(format!("{runs} {}", data.display())));
    if !data.exists() {
        say(Finding::ok("folder: will be made at the first start"));
        if let Some(options) = &settings.store {
            super::servers::all(options, None, say);
        }
        say(port(settings, running));
        return;
    }
    if data.join(RESTORING).exists() {
        say(Finding::fail(
            "a restore was interrupted, and no relay starts on this folder",
            "run `sotto-relay restore FILE --force` again",
        ));
    }
    say(folder(data));
    say(room(data));
    let address = identity(settings, data, say);
    let newest = match &settings.store {
        Some(options) => {
            let key = std::fs::read(data.join(IDENTITY)).map(Zeroizing::new).ok();
            let key = key.and_then(|text| identity_of(&text));
            let identity = key.map(|key| RelayIdentity::of(&key.public()).to_string());
            super::servers::all(options, identity.as_deref(), say);
            None
        }
        None => {
            let newest = store(data, say);
            blobs(data, say);
            newest
        }
    };
    say(clock(now, newest));
    if !settings.config.plain {
        super::shown::certificate(settings, now, say);
    }
    say(files(settings.config.limits.connections));
    say(port(settings, running));
    if let Some(address) = address {
        say(Finding::ok(format!("address: {address}")));
    }
}

/// Can be written, and what is written can be made durable.
fn folder(data: &Path) -> Finding {
    let path = data.join("check.new");
    let tried = || {
        let mut file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&path)?;
        file.write_all(&[0; 4096])?;
        file.sync_all()?;
        std::fs::remove_file(&path)
    };
    if let Err(error) = tried() {
        return Finding::fail(
            format!("folder: {} can't be written: {error}", data.display()),
            "run this as the relay's user; is the folder that user's, and the disk writable?",
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let about = data.metadata();
        if about.map_or(0, |about| about.permissions().mode()) & 0o077 != 0 {
            return Finding::warn(
                format!("folder: others may enter {}", data.display()),
                format!("chmod 700 {}", data.display()),
            );
        }
    }
    Finding::ok("folder: can be written and synced")
}

fn room(data: &Path) -> Finding {
    let Some(free) = disk::free(data) else {
        return Finding::warn(
            "disk: this system does not say how much room is left",
            "look yourself",
        );
    };
    let used = size(disk::used(data));
    let what = format!("disk: {} left, {used} in use by the relay", size(free));
    if free < LEAST {
        let todo = "make room: on a full disk a relay refuses everything new, and loses nothing";
        Finding::fail(what, todo)
    } else if free < ENOUGH {
        Finding::warn(what, "make room, or bound the store with \"store-mib\"")
    } else {
        Finding::ok(what)
    }
}

fn identity(
    settings: &Settings,
    data: &Path,
    say: &mut dyn FnMut(Finding),
) -> Option<RelayAddress> {
    let path = data.join(IDENTITY);
    let Ok(text) = std::fs::read(&path).map(Zeroizing::new) else {
        // What is on servers is looked at with them.
        say(if data.join(STORE).exists() && settings.store.is_none() {
            Finding::fail(
                "identity: the key is missing or not readable, although there is a store",
                format!(
                    "put {} back from a backup; with another key this would be another relay, which no device trusts",
                    path.display()
                ),
            )
        } else {
            Finding::ok("identity: will be made at the first start")
        });
        return None;
    };
    let Some(key) = identity_of(&text) else {
        say(Finding::fail(
            format!("identity: {} is damaged", path.display()),
            "put it back from a backup",
        ));
        return None;
    };
    let (host, port) = settings.listen.rsplit_once(':')?;
    let host = settings.config.host.as_deref().unwrap_or(host);
    let port = settings.config.port.or_else(|| port.parse().ok());
    let port = port.filter(|port| *port != 0)?;
    let identity = RelayIdentity::of(&key.public());
    let host = host.trim_matches(['[', ']']);
    match RelayAddress::new(host, port, identity, settings.config.plain) {
        Ok(address) => Some(address),
        Err(error) => {
            say(Finding::fail(
                format!("host: {error}"),
                "set \"host\" to the name that devices shall use",
            ));
            None
        }
    }
}

/// The hour of the newest entry, if the store is sound.
fn store(data: &Path, say: &mut dyn FnMut(Finding)) -> Option<Seconds> {
    let path = data.join(STORE);
    if !path.exists() {
        say(Finding::ok("store: will be made at the first start"));
        return None;
    }
    let looked = || {
        let inspection = Inspection::open(&path)?;
        inspection.verify()?;
        Ok::<_, Damage>(inspection.newest()?)
    };
    match looked() {
        Ok(newest) => {
            say(Finding::ok(
                "store: sound, and every entry is what was stored",
            ));
            newest
        }
        Err(error) => {
            say(Finding::fail(
                format!("store: {error}"),
                "stop the relay, keep a copy of the folder, and restore the newest backup",
            ));
            None
        }
    }
}

/// Large attachments.
fn blobs(data: &Path, say: &mut dyn FnMut(Finding)) {
    say(match files::look(&data.join(BLOBS)) {
        Ok(None) => return,
        Ok(Some(Look { usage, short: 0 })) => {
            Finding::ok(format!("blobs: {} ({})", usage.blobs, size(usage.bytes)))
        }
        Ok(Some(Look { usage, short })) => Finding::fail(
            format!("blobs: of {short} of {} bytes are missing", usage.blobs),
            "people can't fetch these; put the folder back from a copy, if there is one, or let their senders send again",
        ),
        Err(error) => Finding::fail(
            format!("blobs: {error}"),
            "stop the relay, and put the folder back from a copy, or move it away and begin with none",
        ),
    });
}

/// Ages are computed from the clock: with a wrong one things go too early or too late.
fn clock(now: Seconds, newest: Option<Seconds>) -> Finding {
    let todo = "set the clock, and let it be kept by NTP (timedatectl set-ntp true)";
    if now < WRITTEN {
        Finding::fail("clock: it is years behind", todo)
    } else if newest.is_some_and(|newest| newest > now + HOUR) {
        Finding::warn("clock: the store holds entries from the future", todo)
    } else {
        Finding::ok("clock: plausible")
    }
}

fn port(settings: &Settings, running: bool) -> Finding {
    let listen = &settings.listen;
    if running {
        return match local::get(settings, "/ready") {
            Ok((200, _)) => Finding::ok(format!(
                "port: the relay answers on {listen}, and its store works"
            )),
            Ok((status, said)) => Finding::fail(
                format!("port: the relay is not ready ({status}): {}", said.trim()),
                "look into its log",
            ),
            Err(_) if listen.ends_with(":0") => {
                Finding::ok("port: one that the relay chose by itself")
            }
            Err(why) => Finding::fail(
                format!("port: the relay that runs does not answer on {listen}: {why}"),
                "was it started with other settings? `sotto-relay settings` says what this command sees",
            ),
        };
    }
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok(format!("port: {listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::fail(
            format!("port: another program listens on {listen}"),
            "end it, or choose another port with \"listen\"",
        ),
        Err(error) => Finding::fail(
            format!("port: can't listen on {listen}: {error}"),
            "choose another address or port with \"listen\"",
        ),
    }
}
