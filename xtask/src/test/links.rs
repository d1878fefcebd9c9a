//! Links between the documents lead somewhere.

use std::path::Path;

use super::Said;
use crate::failure::Failure;
use crate::project;

pub(super) fn check() -> Result<Said, Failure> {
    let files = project::tracked_files().unwrap_or_default();
    let mut wrong = Vec::new();
    let mut followed = 0;
    for file in files.iter().filter(|file| {
        Path::new(file)
            .extension()
            .is_some_and(|extension| extension == "md")
    }) {
        let Ok(text) = std::fs::read_to_string(project::root().join(file)) else {
            continue;
        };
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        for link in links(&text) {
            followed += 1;
            if !project::root().join(folder).join(link).exists() {
                wrong.push(format!("{file} links to {link}, which is not there"));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(vec![format!("{followed} links followed")]);
    }
    Err(Failure::check(format!(
        "links between documents:\n  {}",
        wrong.join("\n  ")
    )))
}

/// The relative targets of `](…)`, without their fragments.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        let path = target.split('#').next()?;
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        (!path.is_empty() && !elsewhere).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_inside_the_project_are_followed() {
        let text = "[a](docs/a.md#part) [b](https://example.org/x) [c](#here) [d](../d.md)";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md", "../d.md"]);
    }
}
