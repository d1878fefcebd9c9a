//! The tables in `docs/benchmarks.md`. Each stands between two marks; what people have written
//! around them stays.

use crate::tool::Tool;

use super::figure::Figure;

/// A table, and above it what it was measured on.
pub(super) fn table(figures: &[Figure], machine: &str) -> String {
    let mut table =
        format!("{machine}\n\n| figure | value | unit | peer | ratio |\n|---|--:|---|---|--:|\n");
    for Figure {
        name,
        value,
        unit,
        peer,
        ratio,
    } in figures
    {
        table.push_str(&format!(
            "| {name} | {value} | {unit} | {peer} | {ratio} |\n"
        ));
    }
    table
}

/// The page with this table between the marks of `name`. A page without them gets them at its end,
/// under a heading.
pub(super) fn with_table(page: &str, name: &str, room: &str, table: &str) -> String {
    let begin = format!("<!-- {name}: written by `cargo xtask bench --save`; don't edit -->\n");
    let end = format!("<!-- end of {name} -->\n");
    let marked = format!("{begin}{table}{end}");
    let found = page.find(&begin).and_then(|at| {
        let length = page.get(at..)?.find(&end)? + end.len();
        Some((page.get(..at)?, page.get(at + length..)?))
    });
    match found {
        Some((before, after)) => format!("{before}{marked}{after}"),
        None => format!("{}\n\n## {room}\n\n{marked}", page.trim_end()),
    }
}

/// What it was measured on.
pub(super) fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            text.lines().find_map(|line| {
                line.strip_prefix("model name")?
                    .split_once(": ")
                    .map(|(_, name)| name.to_owned())
            })
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let compiler = Tool::new("rustc")
        .args(["--version"])
        .quiet_output()
        .unwrap_or_default();
    let commit = Tool::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .quiet_output()
        .unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    format!(
        "Measured at {} on {processor}, {cores} cores, {}, {}; load of the machine before it: {load}.",
        commit.trim(),
        std::env::consts::OS,
        compiler.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_figure() -> String {
        let figure = Figure {
            name: "seal 100 B".to_owned(),
            value: "1.50".to_owned(),
            unit: "µs".to_owned(),
            peer: "fernet alone".to_owned(),
            ratio: "1.02".to_owned(),
        };
        table(&[figure], "Measured here.")
    }

    #[test]
    fn a_figure_is_a_row() {
        let table = one_figure();
        assert!(
            table.contains("| seal 100 B | 1.50 | µs | fernet alone | 1.02 |\n"),
            "{table}"
        );
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let begun = "# Benchmarks\n\nWords of a person.\n";
        let first = with_table(begun, "bench_suite", "sotto-suite", "old\n");
        assert!(first.starts_with(begun) && first.contains("## sotto-suite\n\n<!-- bench_suite"));
        let page = format!("{first}\nMore words.\n");
        let again = with_table(&page, "bench_suite", "sotto-suite", &one_figure());
        assert!(
            again.starts_with(begun) && again.ends_with("\nMore words.\n"),
            "{again}"
        );
        assert!(
            again.contains("seal 100 B") && !again.contains("old"),
            "{again}"
        );
        assert_eq!(again.matches("## sotto-suite").count(), 1);
    }
}
