//! `docs/benchmarks.md`, from the figures.

use crate::tool::Tool;

use super::figure::Figure;

/// One page: a table a room.
pub(super) fn render(rooms: &[(String, Vec<Figure>)], machine: &str) -> String {
    let mut page = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench --save`; don't edit. {machine}\n\n\
         Every figure was measured beside its peer in the same run. The ratio is ours to the peer's.\n"
    );
    for (room, figures) in rooms {
        page.push_str(&format!(
            "\n## {room}\n\n| figure | value | unit | peer | ratio |\n|---|--:|---|---|--:|\n"
        ));
        for Figure {
            name,
            value,
            unit,
            peer,
            ratio,
        } in figures
        {
            page.push_str(&format!(
                "| {name} | {value} | {unit} | {peer} | {ratio} |\n"
            ));
        }
    }
    page
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
    format!(
        "Measured at {} on {processor}, {cores} cores, {}, {}.",
        commit.trim(),
        std::env::consts::OS,
        compiler.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_a_table() {
        let figure = Figure {
            name: "seal 100 B".to_owned(),
            value: "1.50".to_owned(),
            unit: "µs".to_owned(),
            peer: "fernet alone".to_owned(),
            ratio: "1.02".to_owned(),
        };
        let page = render(
            &[("sotto-suite".to_owned(), vec![figure])],
            "Measured here.",
        );
        assert!(page.contains("## sotto-suite"), "{page}");
        assert!(
            page.contains("| seal 100 B | 1.50 | µs | fernet alone | 1.02 |"),
            "{page}"
        );
    }
}
