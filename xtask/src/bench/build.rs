//! How long building takes, for whoever works on it: clean, and after a change here or there.

use std::fs::File;
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::json;

use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;
use crate::ui;

/// A file whose change is compiled, and what it stands for.
const CHANGES: &[(&str, &str)] = &[
    ("src-tauri/src/lib.rs", "the app's shell"),
    ("crates/client/src/lib.rs", "the client"),
    ("crates/engine/src/lib.rs", "the engine"),
    ("crates/suite/src/lib.rs", "the suite, below everything"),
];

/// In a target folder of its own, which is gone afterwards. The peer of a change is a build with
/// nothing to do.
pub(super) fn measure() -> Result<Vec<String>, Failure> {
    let folder = project::target().join("bench-build");
    remove(&folder)?;
    let measured = measure_in(&folder);
    remove(&folder)?;
    measured
}

fn measure_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let everything = || build(folder, &["--all-targets"]);
    let programs = || {
        let names = [
            "--bin",
            "sotto",
            "--bin",
            "sotto-relay",
            "--bin",
            "sotto-app",
        ];
        build(
            folder,
            &[names.as_slice(), &["--example", "same_features"]].concat(),
        )
    };
    let mut lines = vec![line("three programs, clean", programs()?, None)];
    lines.push(line("then everything and its tests", everything()?, None));
    let nothing = programs()?;
    lines.push(line("three programs, nothing changed", nothing, None));
    for (file, what) in CHANGES {
        let path = project::root().join(file);
        let before = changed(&path)?;
        touch(&path, SystemTime::now())?;
        let took = programs();
        // What else was built from it is as current as it was.
        touch(&path, before)?;
        let name = format!("three programs, a change in {what}");
        lines.push(line(&name, took?, Some(nothing)));
    }
    let begun = Instant::now();
    ui::npm(["run", "--silent", "build", "-w", "ui"]).run()?;
    lines.push(line(
        "the screens (Vite)",
        begun.elapsed().as_secs_f64(),
        None,
    ));
    Ok(lines)
}

/// Builds without optimisation; seconds.
fn build(folder: &Path, what: &[&str]) -> Result<f64, Failure> {
    let begun = Instant::now();
    Tool::cargo(["build", "--locked", "--workspace"])
        .args(what)
        .env("CARGO_TARGET_DIR", folder)
        .run()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn line(name: &str, seconds: f64, nothing: Option<f64>) -> String {
    json!({
        "name": format!("build: {name}"),
        "value": seconds,
        "unit": "s",
        "peer": nothing.map(|nothing| format!("nothing changed {nothing:.1}")),
        "ratio": nothing.map(|nothing| seconds / nothing),
    })
    .to_string()
}

fn changed(path: &Path) -> Result<SystemTime, Failure> {
    path.metadata()
        .and_then(|file| file.modified())
        .map_err(|error| Failure::check(format!("{}: {error}", path.display())))
}

fn touch(path: &Path, time: SystemTime) -> Result<(), Failure> {
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(time))
        .map_err(|error| Failure::check(format!("{}: {error}", path.display())))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(folder)
        .map_err(|error| Failure::check(format!("{} stays: {error}", folder.display())))
}
