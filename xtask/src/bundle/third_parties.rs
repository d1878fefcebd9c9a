//! Whose work the app's program is made of, and under which terms, in the words of each.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::tool::Tool;

/// How the files begin in which a crate says its terms.
const TERMS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

const HEAD: &str = "\
Sotto is made of its own parts and of the work of many others. Each stands here with its licence;
the texts follow, each once, with the names of those that come with it. The screens are made with
Svelte, Bits UI, Virtua, uqr (MIT) and Lucide (ISC), whose texts are in their packages on npm.
";

/// Writes it to `path`.
pub(super) fn write(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::check(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text()?).map_err(failed)
}

fn text() -> Result<String, Failure> {
    let inside = inside()?;
    let all = Tool::cargo(["metadata", "--format-version", "1", "--locked"]).output()?;
    let all: Value = serde_json::from_str(&all)
        .map_err(|error| Failure::check(format!("`cargo metadata` is not JSON: {error}")))?;
    let packages = all.get("packages").and_then(Value::as_array);
    let mut list = String::from(HEAD);
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.into_iter().flatten() {
        let said = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or("-");
        let name = format!("{} {}", said("name"), said("version"));
        // Our own parts have no source.
        if package.get("source").is_none_or(Value::is_null) || !inside.contains(&name) {
            continue;
        }
        list.push_str(&format!("\n{name}: {}", said("license")));
        for terms in terms(Path::new(said("manifest_path"))) {
            texts.entry(terms).or_default().push(name.clone());
        }
    }
    for (terms, of) in texts {
        list.push_str(&format!("\n\n{:=<100}\n{}\n\n{terms}", "", of.join(", ")));
    }
    list.push('\n');
    Ok(list)
}

/// "name version" of every crate that is linked into the program on this system.
fn inside() -> Result<Vec<String>, Failure> {
    let tree = Tool::cargo([
        "tree",
        "--locked",
        "--package",
        "sotto-app",
        "--edges",
        "normal",
    ])
    .args(["--prefix", "none", "--format", "{p}"])
    .output()?;
    let names = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!(
            "{} {}",
            words.next()?,
            words.next()?.strip_prefix('v')?
        ))
    });
    Ok(names.collect())
}

/// The texts beside a crate's manifest.
fn terms(manifest: &Path) -> Vec<String> {
    let folder = manifest.parent().map(std::fs::read_dir);
    let files = folder.into_iter().flatten().flatten().flatten();
    files
        .filter(|file| {
            let name = file.file_name().to_string_lossy().to_uppercase();
            TERMS.iter().any(|terms| name.starts_with(terms))
        })
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .map(|text| text.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn what_is_linked_is_listed_with_its_terms_and_our_own_is_not() {
        let text = text().unwrap();
        assert!(text.contains("\nring 0."), "the primitives");
        assert!(text.contains("Mozilla Public License"), "fernet's terms");
        assert!(!text.contains("\nsotto-"), "our own parts");
        assert!(!text.contains("\nproptest "), "what only tests use");
    }
}
