//! `cargo xtask bundle`: the app as packages for people who have no compiler.
//!
//! Tauri's own bundler writes them (`bundle` in `src-tauri/tauri.conf.json` says what is inside);
//! what is added here is the list of whose work the program is made of.

mod system;
mod third_parties;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::Args;
use crate::failure::Failure;
use crate::{packages, programs, project, ui};

/// What is made, as Tauri calls it, which is also how the files end.
const KINDS: [&str; 2] = ["deb", "rpm"];

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    args.finish()?;
    packages::ensure(&[packages::BUILD, packages::WINDOW], yes)?;
    for line in make()? {
        println!("{line}");
    }
    Ok(())
}

/// Makes the packages and answers their sizes, a JSON line each.
pub(crate) fn make() -> Result<Vec<String>, Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::machine(
            "packages are made for Linux alone",
            "run it on Linux",
        ));
    }
    ui::build()?;
    programs::build(&["sotto-app"], false)?;
    // In the checkout, because the configuration can only name it there.
    let folder = project::root().join("target/bundle");
    third_parties::write(&folder.join("third-parties.txt"))?;
    let program = project::program("sotto-app", false);
    ui::npm(["exec", "--", "tauri", "bundle", "--ci"])
        .args(["--bundles", &KINDS.join(",")])
        .args(["--config", &system::needed(&program)?.to_string()])
        .env("CARGO_TARGET_DIR", project::target())
        .run()?;

    let whole = size(&program)?;
    let mut lines = vec![line("size of the app's program", whole, None)];
    for kind in KINDS {
        let file = newest(&program.with_file_name("bundle").join(kind), kind)?;
        eprintln!("{}", file.display());
        lines.push(line(
            &format!("size of the .{kind}"),
            size(&file)?,
            Some(whole),
        ));
    }
    Ok(lines)
}

fn line(name: &str, bytes: u64, program: Option<u64>) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    json!({
        "name": name,
        "value": megabytes(bytes),
        "unit": "MB",
        "peer": program.map(|whole| format!("the program {:.1}", megabytes(whole))),
        "ratio": program.map(|whole| bytes as f64 / whole as f64),
    })
    .to_string()
}

fn size(path: &Path) -> Result<u64, Failure> {
    path.metadata()
        .map(|file| file.len())
        .map_err(|error| Failure::check(format!("{} was not made: {error}", path.display())))
}

/// The package made last: an older version's may lie beside it.
fn newest(folder: &Path, ending: &str) -> Result<PathBuf, Failure> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|is| is == ending))
        .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok())
        .ok_or_else(|| Failure::check(format!("no .{ending} was made in {}", folder.display())))
}
