//! `cargo xtask test`: every check, cheapest first; the first thing wrong stops it.

mod arrows;
mod core;
mod hygiene;
mod links;
mod policy;
mod rust;
pub(crate) mod screens;
mod threats;
pub(crate) mod wasm;

use std::time::Instant;

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;

/// What a step says at its end: the runner's own closing lines, or why it was skipped.
type Said = Vec<String>;

struct Step {
    name: &'static str,
    check: fn() -> Result<Said, Failure>,
}

const TESTS: &str = "tests";

const STEPS: &[Step] = &[
    Step {
        name: "repository hygiene",
        check: hygiene::check,
    },
    Step {
        name: "links between documents",
        check: links::check,
    },
    Step {
        name: "dependency direction",
        check: arrows::check,
    },
    Step {
        name: "the core asks nothing of the machine",
        check: core::check,
    },
    Step {
        name: "threat model",
        check: threats::check,
    },
    Step {
        name: "formatting",
        check: rust::formatting,
    },
    Step {
        name: "screens, built",
        check: screens::built,
    },
    Step {
        name: "screens, types and formatting",
        check: screens::typed,
    },
    Step {
        name: "screens, alone",
        check: screens::alone,
    },
    Step {
        name: "licences, bans and sources",
        check: policy::check,
    },
    Step {
        name: "lints",
        check: rust::lints,
    },
    Step {
        name: "documentation",
        check: rust::documentation,
    },
    Step {
        name: "browser types",
        check: wasm::check,
    },
    Step {
        name: "programs and tests, built",
        check: rust::programs,
    },
    Step {
        name: "examples in the documentation",
        check: rust::doc_tests,
    },
    Step {
        name: "screens in browsers",
        check: screens::in_browsers,
    },
    Step {
        name: "screens in the app's windows",
        check: screens::in_windows,
    },
    // The last one, so that the runner's line is what everybody sees last.
    Step {
        name: TESTS,
        check: rust::tests,
    },
];

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes") || std::env::var_os("CI").is_some();
    let only = args.option("--only")?;
    args.finish()?;
    let wanted = |step: &&Step| {
        only.as_ref()
            .is_none_or(|only| step.name.contains(only.as_str()))
    };
    let steps: Vec<&Step> = STEPS.iter().filter(wanted).collect();
    if steps.is_empty() {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(Failure::usage(format!(
            "--only wants one of: {}",
            names.join(", ")
        )));
    }
    packages::ensure(&[packages::BUILD, packages::WINDOW, packages::TEST], yes)?;

    let started = Instant::now();
    let mut report = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        println!("\n== {}/{} {}", number + 1, steps.len(), step.name);
        let begun = Instant::now();
        let said = (step.check)().inspect_err(|_| {
            eprintln!(
                "\nStopped at step {}/{}, {}.",
                number + 1,
                steps.len(),
                step.name
            );
        })?;
        report.push((step.name, begun.elapsed().as_secs(), said));
    }

    println!(
        "\n== {} in {} s",
        if only.is_some() {
            "these checks passed, not all"
        } else {
            "every check passed"
        },
        started.elapsed().as_secs()
    );
    for (name, seconds, said) in &report {
        println!("{seconds:>5} s  {name}");
        for line in said {
            println!("         {line}");
        }
    }
    if let Some((_, _, said)) = report.iter().find(|(name, _, _)| *name == TESTS) {
        println!("\ntests: {}", said.join(", "));
    }
    Ok(())
}
