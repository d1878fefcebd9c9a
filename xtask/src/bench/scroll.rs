//! A conversation of 100,000 messages: made by two real clients, opened and scrolled in a browser.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::project;
use crate::tool::Tool;
use crate::ui;

/// As many as the goal names.
const MESSAGES: &str = "100000";

pub(super) fn measure() -> Result<Vec<String>, Failure> {
    let folder = project::target().join("long-history");
    remove(&folder)?;
    let made = Tool::new(project::program("long_history", false))
        .args(["--messages", MESSAGES, "--data"])
        .args([&folder])
        .run_keeping(|line| line.starts_with('{'))?;
    let mut lines: Vec<String> = made.iter().flat_map(|line| figures(line)).collect();
    let scrolled = ui::npm(["run", "--silent", "bench", "-w", "tests/ui"])
        .env("SOTTO_HISTORY", &folder)
        .env("SOTTO_HISTORY_MESSAGES", MESSAGES)
        .env("SOTTO_PROFILE", "release")
        .run_keeping(|line| line.starts_with('{'));
    remove(&folder)?;
    lines.extend(scrolled?);
    Ok(lines)
}

fn remove(folder: &std::path::Path) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(folder)
        .map_err(|error| Failure::check(format!("{} stays: {error}", folder.display())))
}

/// What `long_history` says: how long the talk took, and how long a screen waits for pages of it.
fn figures(line: &str) -> Vec<String> {
    let said: Value = serde_json::from_str(line).unwrap_or_default();
    let mut found = Vec::new();
    let mut add = |name: String, value: &Value, unit: &str| {
        let figure =
            json!({ "name": name, "value": value, "unit": unit, "peer": null, "ratio": null });
        found.push(figure.to_string());
    };
    if let Some(seconds) = said.get("seconds") {
        let name = format!("{MESSAGES} messages between two clients and a relay");
        add(name, seconds, "s");
    }
    let waits = said.get("milliseconds").and_then(Value::as_object);
    for (name, milliseconds) in waits.into_iter().flatten() {
        add(
            format!("a screen waits for: {}", name.replace('_', " ")),
            milliseconds,
            "ms",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figure::Figure;

    #[test]
    fn what_the_maker_says_becomes_figures() {
        let said = r#"{"messages":9,"seconds":1.5,"milliseconds":{"newest_page":0.25}}"#;
        let figures = figures(said);
        let figures: Vec<Figure> = figures
            .iter()
            .filter_map(|line| Figure::from_line(line))
            .collect();
        let named: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(
            named,
            [
                "100000 messages between two clients and a relay",
                "a screen waits for: newest page"
            ]
        );
    }
}
