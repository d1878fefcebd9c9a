//! The threat model keeps its word: every row of its "cannot" tables names a test that exists,
//! or says why there is none yet.

use super::Said;
use crate::failure::Failure;
use crate::project;

const DOCUMENT: &str = "docs/threat-model.md";

/// How a row says that nothing shows it yet.
const NONE_YET: &str = "none yet:";

pub(super) fn check() -> Result<Said, Failure> {
    let rows = rows(&project::read(DOCUMENT)?);
    if rows.is_empty() {
        return Err(Failure::check(format!(
            "{DOCUMENT} has no table with a last column `test`"
        )));
    }
    let mut wrong = Vec::new();
    let (mut shown, mut open) = (0, 0);
    for row in &rows {
        let tests: Vec<&str> = named_tests(&row.test).collect();
        if tests.is_empty() && !row.test.starts_with(NONE_YET) {
            wrong.push(format!(
                "{DOCUMENT}:{} names no test and doesn't say `{NONE_YET}` why",
                row.line
            ));
        }
        for test in &tests {
            wrong.extend(missing(test).map(|what| format!("{DOCUMENT}:{} {what}", row.line)));
        }
        shown += usize::from(!tests.is_empty());
        open += usize::from(tests.is_empty());
    }
    if wrong.is_empty() {
        return Ok(vec![format!(
            "{shown} promises shown by tests, {open} not yet"
        )]);
    }
    Err(Failure::check(format!(
        "the threat model:\n  {}",
        wrong.join("\n  ")
    )))
}

struct Row {
    line: usize,
    test: String,
}

/// The rows of every table whose last column is called `test`.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let Some(cells) = line
            .trim()
            .strip_prefix('|')
            .and_then(|line| line.strip_suffix('|'))
        else {
            inside = false;
            continue;
        };
        let last = cells.rsplit('|').next().unwrap_or_default().trim();
        if last == "test" {
            inside = true;
        } else if inside && !last.trim_matches(['-', ':']).is_empty() {
            rows.push(Row {
                line: at + 1,
                test: last.to_owned(),
            });
        }
    }
    rows
}

/// Everything in backticks of the form `path/to/file.rs::name`.
fn named_tests(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains(".rs::"))
}

/// What is wrong with a named test.
fn missing(test: &str) -> Option<String> {
    let (file, name) = test.split_once("::")?;
    let Ok(text) = std::fs::read_to_string(project::root().join(file)) else {
        return Some(format!("names a test in {file}, which is not there"));
    };
    (!has_test(&text, name)).then(|| format!("names {name}, which is no test of {file}"))
}

/// Whether `text` has a function `name` with a test attribute above it.
fn has_test(text: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let defines = |line: &str| {
        line.strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("pub ")
            .unwrap_or(line)
            .starts_with(&start)
            || line.starts_with(&format!("async {start}"))
    };
    lines.iter().enumerate().any(|(at, line)| {
        defines(line)
            && lines
                .iter()
                .take(at)
                .rev()
                .take_while(|above| above.starts_with("#[") || above.starts_with("//"))
                .any(|above| above.starts_with("#[") && above.contains("test"))
    }) || lines.iter().any(|line| defines(line)) && text.contains("proptest!")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| cannot | because | test |\n|---|---|---|\n| read | MLS | `a/b.rs::reads_nothing` |\n| forge | signatures | none yet: later |\n\n| other | table |\n|---|---|\n| a | b |\n";

    #[test]
    fn rows_of_tables_about_tests_are_found_and_others_left_alone() {
        let rows = rows(TABLE);
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
        let names: Vec<&str> = rows.iter().flat_map(|row| named_tests(&row.test)).collect();
        assert_eq!(names, ["a/b.rs::reads_nothing"]);
    }

    #[test]
    fn a_function_counts_only_with_a_test_attribute() {
        let text =
            "#[tokio::test]\n// why\nasync fn story() {}\nfn helper() {}\n#[test]\nfn plain() {}";
        assert!(has_test(text, "story"));
        assert!(has_test(text, "plain"));
        assert!(!has_test(text, "helper"));
        assert!(!has_test(text, "stor"));
    }

    #[test]
    fn a_missing_file_is_named() {
        assert!(missing("crates/none.rs::nothing").is_some_and(|what| what.contains("not there")));
    }
}
