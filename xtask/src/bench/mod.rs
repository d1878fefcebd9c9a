//! `cargo xtask bench`: every benchmark of every room, one JSON line a figure, beside its peer.
//!
//! A benchmark is a program (`examples/bench_*.rs` of a room, or a binary of that name) that
//! prints `{"name","value","unit","peer","ratio"}` lines; whatever else it prints is for people.

mod figure;
mod page;

use serde_json::Value;

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::tool::Tool;

use figure::Figure;

const PAGE: &str = "docs/benchmarks.md";

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let save = args.flag("--save");
    let yes = args.flag("--yes");
    let only = args.word();
    args.finish()?;
    packages::ensure(&[packages::BUILD], yes)?;

    let benchmarks: Vec<Benchmark> = benchmarks(&project::metadata()?)
        .into_iter()
        .filter(|benchmark| {
            only.as_ref()
                .is_none_or(|only| benchmark.name.contains(only.as_str()))
        })
        .collect();
    if benchmarks.is_empty() {
        return Err(Failure::usage("there is no such benchmark"));
    }
    if save && only.is_some() {
        return Err(Failure::usage(
            "--save writes the whole page, so it wants every benchmark",
        ));
    }

    // Person to person starts the real programs.
    Tool::cargo([
        "build",
        "--release",
        "--locked",
        "--workspace",
        "--bins",
        "--examples",
    ])
    .run()?;
    let mut rooms = Vec::new();
    for benchmark in &benchmarks {
        eprintln!("\n== {} ({})", benchmark.name, benchmark.package);
        let lines = benchmark.tool().run_keeping(|line| line.starts_with('{'))?;
        let figures: Vec<Figure> = lines
            .iter()
            .filter_map(|line| Figure::from_line(line))
            .collect();
        if figures.is_empty() {
            return Err(Failure::check(format!(
                "{} printed no figure",
                benchmark.name
            )));
        }
        rooms.push((benchmark.package.clone(), figures));
    }
    if save {
        let text = page::render(&rooms, &page::machine());
        std::fs::write(project::root().join(PAGE), text)
            .map_err(|error| Failure::check(format!("{PAGE} can't be written: {error}")))?;
        eprintln!("\n{PAGE} is written.");
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Benchmark {
    package: String,
    kind: String,
    name: String,
}

impl Benchmark {
    /// The program, built by the call for the whole workspace, so with the same features.
    fn tool(&self) -> Tool {
        let program = project::program(&self.name, false);
        if self.kind == "example" {
            Tool::new(
                program
                    .with_file_name("examples")
                    .join(program.file_name().unwrap_or_default()),
            )
        } else {
            Tool::new(program)
        }
    }
}

/// Examples and binaries called `bench_…`, in the order of the rooms' names.
fn benchmarks(metadata: &Value) -> Vec<Benchmark> {
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        for target in list(package, "targets") {
            let name = text(target, "name");
            let kind = list(target, "kind")
                .first()
                .and_then(Value::as_str)
                .unwrap_or_default();
            if name.starts_with("bench_") && matches!(kind, "example" | "bin") {
                let (package, kind, name) = (
                    text(package, "name").to_owned(),
                    kind.to_owned(),
                    name.to_owned(),
                );
                found.push(Benchmark {
                    package,
                    kind,
                    name,
                });
            }
        }
    }
    found
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn benchmarks_are_found_by_their_names() {
        let metadata = json!({ "packages": [{ "name": "sotto-suite", "targets": [
            { "name": "bench_suite", "kind": ["example"] },
            { "name": "sotto_suite", "kind": ["lib"] },
            { "name": "bench_other", "kind": ["test"] },
        ]}]});
        let found = benchmarks(&metadata);
        assert_eq!(
            found
                .iter()
                .map(|one| one.name.as_str())
                .collect::<Vec<_>>(),
            ["bench_suite"]
        );
    }
}
