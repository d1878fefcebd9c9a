//! `cargo xtask`: every routine of the project, on every platform.
//!
//! `cargo xtask help` lists them. Each routine is a module; `tool` starts programs,
//! `packages` knows what the machine must have and why.

mod args;
mod bench;
mod bundle;
mod chaos;
mod failure;
mod fuzz;
mod icons;
mod mutants;
mod packages;
mod planted;
mod programs;
mod project;
mod replay;
mod run;
mod simulate;
mod test;
mod tool;
mod types;
mod ui;

use std::process::ExitCode;

use args::Args;
use failure::Failure;

const USAGE: &str = "\
cargo xtask <routine>

  run [--yes] [--blank] [--browser | --terminal | --talk] [--dev]
                          a relay, Alice and Bob on this machine, introduced by an invite: two
                          windows, or two browser pages where there is no display; --blank leaves
                          the introduction to you, --talk plays a short dialogue and ends
  test [--yes] [--only STEP]
                          every check, in order; stops at the first thing wrong
  screens                 the pictures in docs/screens, made anew
  replay FILE [--dev] [--limit N] [--burst N] [--kill [SEED]] [--keep]
                          real conversations through a real relay; --kill ends programs on the way
  bench [NAME] [--save]   every benchmark beside its peer, or those whose name contains NAME:
                          suite, engine, relay, person, window, scroll; only by name: build (how
                          long building takes, clean and after a change), bundle. --save writes
                          their tables in docs/benchmarks.md
  bundle [--yes]          the app as a .deb and an .rpm, for whoever has no compiler
  simulate [--seed N] [--steps M] [--people P] [--hostile KIND] [--worlds K] [--from SEED]
           [--without DEEDS] [--skip STEPS] [--small] [--no-shrink] [--keep-going] [--tell]
                          whole worlds, each from one number; says how to play it again where a
                          promise was broken
  chaos [--seed N] [--minutes M] [--runs K] [--namespaces]
                          real clients and a real relay while connections are cut, swallowed,
                          slowed and corrupted, and programs killed and paused
  planted [NAME…]         bugs put into a copy of the sources, which worlds and tests must catch
  mutants [AREA] [--shard K/N] [--only PATTERN]
                          small changes to what refuses, which tests must catch: suite, limits,
                          rights, identity, acceptance; --shard: of N parts the one numbered K,
                          from 0; --only: those whose name the pattern finds
  ui                      the screens, built where something changed
  icons                   every size and format of the icon, made anew from icons/
  types                   the contract's TypeScript, made anew
  fuzz TARGET [--seconds N] [--runs N] [--light]
                          one fuzz target for a while, or for so many inputs
  help                    this list

--yes installs missing system packages without asking.";

fn main() -> ExitCode {
    if std::env::var_os(test::wasm::wrapper::SWITCH).is_some() {
        return test::wasm::wrapper::run();
    }
    let mut args = Args::from_command_line();
    let routine = args.word();
    let outcome = match routine.as_deref() {
        Some("test") => test::command(args),
        Some("run") => run::command(args),
        Some("replay") => replay::command(args),
        Some("bench") => bench::command(args),
        Some("bundle") => bundle::command(args),
        Some("types") => types::command(args),
        Some("screens") => args.finish().and_then(|()| test::screens::pictures()),
        Some("ui") => ui::command(args),
        Some("icons") => icons::command(args),
        Some("fuzz") => fuzz::command(args),
        Some("chaos") => chaos::command(args),
        Some("planted") => planted::command(args),
        Some("mutants") => mutants::command(args),
        Some("simulate") => simulate::command(args),
        Some("help") | None => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(Failure::usage(format!("there is no routine `{other}`"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}
