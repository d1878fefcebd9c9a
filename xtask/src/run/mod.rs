//! `cargo xtask run`: a relay and two people on this machine, introduced by a real invite.
//!
//! Everything lives in a throwaway folder and ends with this program.

mod child;
mod dialogue;
mod folder;
mod people;
mod relay;
mod rpc;
mod terminals;

use std::io::IsTerminal;

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::tool::Tool;

use folder::Throwaway;
use people::Person;
use relay::Relay;

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    let insists_on_terminal = args.flag("--terminal");
    let dev = args.flag("--dev");
    args.finish()?;

    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if insists_on_terminal && !terminal {
        return Err(Failure::machine(
            "--terminal wants a terminal, and there is none",
            "start it from a terminal, or leave --terminal out to watch a short dialogue",
        ));
    }
    packages::ensure(&[packages::BUILD, packages::RUN], yes)?;
    let programs = build(dev)?;

    // Ended in the opposite order: people, relay, folder.
    let folder = Throwaway::new()?;
    let relay = Relay::start(&programs, &folder)?;
    println!(
        "A relay listens on {}.",
        relay.address().split('#').next().unwrap_or_default()
    );
    let mut alice = Person::create("Alice", &programs, &folder, relay.address())?;
    let mut bob = Person::create("Bob", &programs, &folder, relay.address())?;
    people::introduce(&mut alice, &mut bob)?;
    println!("Alice made an invite, Bob opened it, Alice accepted: they can talk.");

    if terminal {
        // One process at a time writes a profile: the terminals take over.
        let (alice, bob) = (alice.leave()?, bob.leave()?);
        terminals::open(&programs, &folder, relay.address(), &alice, &bob)
    } else {
        dialogue::play(alice, bob, &relay)
    }
}

/// The programs, built.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) sotto: std::path::PathBuf,
    pub(super) relay: std::path::PathBuf,
}

fn build(dev: bool) -> Result<Programs, Failure> {
    println!("Building (the first time takes some minutes) ...");
    let mut tool = Tool::cargo([
        "build",
        "--locked",
        "-p",
        "sotto-cli",
        "-p",
        "sotto-relay",
        "--bins",
    ]);
    if !dev {
        tool = tool.args(["--release"]);
    }
    tool.run()?;
    Ok(Programs {
        sotto: project::program("sotto", dev),
        relay: project::program("sotto-relay", dev),
    })
}
