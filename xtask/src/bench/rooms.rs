//! Which benchmarks there are, and in which room of the page each stands.

use serde_json::Value;

use crate::project;
use crate::tool::Tool;

/// One benchmark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Benchmark {
    /// What `cargo xtask bench NAME` looks for, and what marks its table in the page.
    pub(super) name: String,
    /// The heading over its table.
    pub(super) room: String,
    pub(super) how: How,
}

/// What is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A program of ours.
    Program(Kind),
    /// A long conversation in a browser.
    Scroll,
    /// Building, clean and after a change.
    Build,
    /// The packages.
    Bundle,
}

/// Which kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Example,
    Binary,
}

impl Benchmark {
    fn new(name: &str, room: &str, how: How) -> Self {
        Self {
            name: name.to_owned(),
            room: room.to_owned(),
            how,
        }
    }

    /// The program, built by the call for the whole workspace, so with the same features.
    pub(super) fn tool(&self, kind: Kind) -> Tool {
        let program = project::program(&self.name, false);
        match kind {
            Kind::Binary => Tool::new(program),
            Kind::Example => Tool::new(
                program
                    .with_file_name("examples")
                    .join(program.file_name().unwrap_or_default()),
            ),
        }
    }

    /// These take a quarter of an hour and more to say what nobody waits for.
    fn only_by_name(&self) -> bool {
        matches!(self.how, How::Build | How::Bundle)
    }

    /// The binaries that it is, or starts.
    pub(super) fn binaries(&self) -> Vec<&str> {
        match (&self.how, self.name.as_str()) {
            (How::Scroll, _) => vec!["sotto", "sotto-relay", "long_history"],
            (How::Program(Kind::Binary), "bench_window") => vec!["bench_window", "sotto-app"],
            (How::Program(Kind::Binary), name) => vec![name],
            _ => vec![],
        }
    }

    /// The example that it is, or starts.
    pub(super) fn example(&self) -> Option<&str> {
        match (&self.how, self.name.as_str()) {
            (How::Program(Kind::Example), name) => Some(name),
            (_, "bench_window") => Some("empty_window"),
            _ => None,
        }
    }

    /// The others' lines were passed on while they ran.
    pub(super) fn prints_itself(&self) -> bool {
        !matches!(self.how, How::Program(_))
    }

    /// Whether it shows windows or pages somewhere.
    pub(super) fn has_a_screen(&self) -> bool {
        self.how == How::Scroll || self.name == "bench_window"
    }
}

/// Those whose name contains `only`; without it, all that do not have to be named.
pub(super) fn chosen(metadata: &Value, only: Option<&str>) -> Vec<Benchmark> {
    let mut all = programs(metadata);
    all.push(Benchmark::new("scroll", "A long conversation", How::Scroll));
    all.push(Benchmark::new("build", "Building", How::Build));
    all.push(Benchmark::new("bundle", "Packages", How::Bundle));
    all.retain(|benchmark| match only {
        Some(only) => benchmark.name.contains(only),
        None => !benchmark.only_by_name(),
    });
    all
}

/// Examples and binaries called `bench_…`, in the order of the rooms' names.
fn programs(metadata: &Value) -> Vec<Benchmark> {
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        for target in list(package, "targets") {
            let name = text(target, "name");
            let kind = list(target, "kind").first().and_then(Value::as_str);
            let kind = match kind {
                Some("example") => Kind::Example,
                Some("bin") => Kind::Binary,
                _ => continue,
            };
            if name.starts_with("bench_") {
                let room = match name {
                    "bench_person" => "person to person",
                    "bench_window" => "The app's window",
                    _ => text(package, "name"),
                };
                found.push(Benchmark::new(name, room, How::Program(kind)));
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

    fn names(only: Option<&str>) -> Vec<String> {
        let metadata = json!({ "packages": [{ "name": "sotto-suite", "targets": [
            { "name": "bench_suite", "kind": ["example"] },
            { "name": "sotto_suite", "kind": ["lib"] },
            { "name": "bench_other", "kind": ["test"] },
        ]}]});
        let found = chosen(&metadata, only);
        found.into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn programs_are_found_by_their_names() {
        assert_eq!(names(None), ["bench_suite", "scroll"]);
        assert_eq!(names(Some("suite")), ["bench_suite"]);
    }

    #[test]
    fn what_takes_very_long_has_to_be_named() {
        assert_eq!(names(Some("build")), ["build"]);
        assert_eq!(names(Some("bundle")), ["bundle"]);
        assert!(names(Some("nothing")).is_empty());
    }
}
