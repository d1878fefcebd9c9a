//! `cargo xtask run`: a relay and two people on this machine, introduced by a real invite.
//!
//! Two windows where there is a display, two browser pages where there is none, two terminals or
//! a short dialogue where that is asked for. Everything lives in a throwaway folder and ends with
//! this program.

mod child;
mod dialogue;
mod folder;
mod people;
mod relay;
mod rpc;
mod screens;
mod terminals;

use std::io::IsTerminal;

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::programs;
use crate::project;
use crate::ui;

use folder::Throwaway;
use people::Person;
use relay::Relay;

/// Through what the two people look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    /// A window of the app each.
    Window,
    /// A page each, in any browser of this machine.
    Browser,
    /// A terminal each.
    Terminal,
    /// Nothing: they talk by themselves and are told about.
    Talk,
}

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    let dev = args.flag("--dev");
    let blank = args.flag("--blank");
    let through = through(&mut args)?;
    args.finish()?;
    if through == Through::Terminal
        && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal())
    {
        return Err(Failure::machine(
            "--terminal wants a terminal, and there is none",
            "start it from a terminal, or use --talk to watch a short dialogue",
        ));
    }
    let more = match through {
        Through::Window => packages::WINDOW,
        Through::Terminal => packages::TERMINAL,
        Through::Browser | Through::Talk => &[],
    };
    packages::ensure(&[packages::BUILD, more], yes)?;
    let programs = build(through, dev)?;

    // Ended in the opposite order: people, relay, folder.
    let folder = Throwaway::new()?;
    let relay = Relay::start(&programs, &folder)?;
    println!(
        "A relay listens on {}.",
        relay.address().split('#').next().unwrap_or_default()
    );
    let mut alice = Person::create("Alice", through, &programs, &folder, relay.address())?;
    let mut bob = Person::create("Bob", through, &programs, &folder, relay.address())?;
    if !blank {
        people::introduce(&mut alice, &mut bob)?;
        println!("Alice made an invite, Bob opened it, Alice accepted: they can talk.");
    }
    match through {
        Through::Window | Through::Browser => screens::watch(alice, bob, through),
        Through::Terminal => {
            // One process at a time writes a profile: the terminals take over.
            let (alice, bob) = (alice.leave()?, bob.leave()?);
            terminals::open(&programs, &folder, relay.address(), &alice, &bob)
        }
        Through::Talk => dialogue::play(alice, bob, &relay),
    }
}

fn through(args: &mut Args) -> Result<Through, Failure> {
    let asked: Vec<Through> = [
        ("--browser", Through::Browser),
        ("--terminal", Through::Terminal),
        ("--talk", Through::Talk),
    ]
    .into_iter()
    .filter(|(flag, _)| args.flag(flag))
    .map(|(_, through)| through)
    .collect();
    match asked.as_slice() {
        [] if has_display() => Ok(Through::Window),
        [] => Ok(Through::Browser),
        [one] => Ok(*one),
        _ => Err(Failure::usage(
            "--browser, --terminal and --talk exclude each other",
        )),
    }
}

/// Whether a window could be seen: elsewhere than on Linux and its kin there always is a desktop.
fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("WAYLAND_DISPLAY") || set("DISPLAY")
}

/// The programs, built.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) sotto: std::path::PathBuf,
    pub(super) relay: std::path::PathBuf,
    pub(super) app: std::path::PathBuf,
}

fn build(through: Through, dev: bool) -> Result<Programs, Failure> {
    println!("Building (the first time takes some minutes) ...");
    let mut names = vec!["sotto", "sotto-relay"];
    match through {
        Through::Window => {
            ui::build()?;
            names.push("sotto-app");
        }
        Through::Browser => ui::build()?,
        Through::Terminal | Through::Talk => {}
    }
    programs::build(&names, dev)?;
    Ok(Programs {
        sotto: project::program("sotto", dev),
        relay: project::program("sotto-relay", dev),
        app: project::program("sotto-app", dev),
    })
}
