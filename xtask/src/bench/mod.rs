//! `cargo xtask bench`: every benchmark, one JSON line a figure, beside its peer.
//!
//! A benchmark is a program (`examples/bench_*.rs` of a room, or a binary of that name) that
//! prints `{"name","value","unit","peer","ratio"}` lines; whatever else it prints is for people.
//! Some are not programs of ours: scrolling in a browser, the packages, and building itself.

mod build;
mod figure;
mod page;
mod rooms;
mod scroll;

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::{bundle, programs, ui};

use figure::Figure;
use rooms::{Benchmark, How};

const PAGE: &str = "docs/benchmarks.md";

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let save = args.flag("--save");
    let yes = args.flag("--yes");
    let only = args.word();
    args.finish()?;
    let benchmarks = rooms::chosen(&project::metadata()?, only.as_deref());
    if benchmarks.is_empty() {
        return Err(Failure::usage("there is no such benchmark"));
    }
    let windows = benchmarks.iter().any(Benchmark::has_a_screen);
    let needed: &[&[_]] = if windows {
        &[packages::BUILD, packages::WINDOW, packages::TEST]
    } else {
        &[packages::BUILD, packages::WINDOW]
    };
    packages::ensure(needed, yes)?;

    ui::build()?;
    let binaries: Vec<&str> = benchmarks.iter().flat_map(Benchmark::binaries).collect();
    let examples: Vec<&str> = benchmarks.iter().filter_map(Benchmark::example).collect();
    if !(binaries.is_empty() && examples.is_empty()) {
        programs::build_with_examples(&binaries, &examples, false)?;
    }
    for benchmark in &benchmarks {
        eprintln!("\n== {}", benchmark.name);
        let machine = page::machine();
        let lines = match &benchmark.how {
            How::Program(kind) => benchmark
                .tool(*kind)
                .run_keeping(|line| line.starts_with('{'))?,
            How::Scroll => scroll::measure()?,
            How::Build => build::measure()?,
            How::Bundle => bundle::make()?,
        };
        if benchmark.prints_itself() {
            lines.iter().for_each(|line| println!("{line}"));
        }
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
        if save {
            write(benchmark, &figures, &machine)?;
        }
    }
    Ok(())
}

/// Replaces this benchmark's table in the page, and nothing else of it.
fn write(benchmark: &Benchmark, figures: &[Figure], machine: &str) -> Result<(), Failure> {
    let path = project::root().join(PAGE);
    let table = page::table(figures, machine);
    let text = page::with_table(
        &project::read(PAGE)?,
        &benchmark.name,
        &benchmark.room,
        &table,
    );
    std::fs::write(path, text)
        .map_err(|error| Failure::check(format!("{PAGE} can't be written: {error}")))?;
    eprintln!("\n{PAGE}: the table of {} is written.", benchmark.name);
    Ok(())
}
