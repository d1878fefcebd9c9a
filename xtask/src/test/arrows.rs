//! The arrows of `docs/architecture.md`: a crate may use what stands below it, nothing else,
//! and some outside crates have one room only.

use serde_json::Value;

use super::Said;
use crate::failure::Failure;
use crate::project;

/// Who may use whom inside the project, directly. Whatever those may use is allowed too.
const ARROWS: &[(&str, &[&str])] = &[
    ("sotto-suite", &[]),
    ("sotto-wire", &["sotto-suite"]),
    ("sotto-engine", &["sotto-suite", "sotto-wire"]),
    ("sotto-relay", &["sotto-suite", "sotto-wire"]),
    ("sotto-client", &["sotto-engine"]),
    ("sotto-web", &["sotto-client"]),
    ("sotto-cli", &["sotto-client", "sotto-web"]),
    ("sotto-app", &["sotto-client"]),
    ("sotto-faulty-disk", &[]),
    ("sotto-model-relay", &["sotto-suite", "sotto-wire"]),
    (
        "sotto-simulation",
        &["sotto-engine", "sotto-faulty-disk", "sotto-model-relay"],
    ),
    (
        "sotto-tests",
        &["sotto-cli", "sotto-relay", "sotto-faulty-disk"],
    ),
    ("sotto-chaos", &["sotto-tests"]),
    ("xtask", &[]),
];

/// Outside crates that only the named rooms may use directly, and why.
const ROOMS: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "ring",
            "fernet",
            "x-wing",
            "ml-kem",
            "shake",
            "mls-rs-crypto-hpke",
            "mls-rs-crypto-traits",
        ],
        &["sotto-suite"],
        "primitives live in the suite",
    ),
    (&["mls-rs"], &["sotto-engine"], "MLS lives in the engine"),
    (
        &["rusqlite"],
        &["sotto-engine", "sotto-relay"],
        "databases live in the engine and the relay",
    ),
    (
        &[
            "tokio",
            "tokio-util",
            "tokio-rustls",
            "tokio-tungstenite",
            "axum",
            "hyper",
            "hyper-util",
        ],
        &[
            "sotto-client",
            "sotto-relay",
            "sotto-web",
            "sotto-cli",
            "sotto-app",
        ],
        "sockets, clocks and tasks live in the client, the relay and the hosts",
    ),
    (
        &["rustls"],
        &["sotto-client", "sotto-relay", "sotto-suite"],
        "TLS is for those who have sockets; the suite gives it its primitives",
    ),
    (
        &[
            "keyring-core",
            "zbus-secret-service-keyring-store",
            "apple-native-keyring-store",
            "windows-native-keyring-store",
            "argon2",
        ],
        &["sotto-client"],
        "the keychain and its fallback live in the client",
    ),
];

/// The tests' own packages stand above everything and may use anything from outside.
const ABOVE_ALL: &[&str] = &["sotto-tests", "sotto-simulation", "sotto-chaos"];

pub(super) fn check() -> Result<Said, Failure> {
    let wrong = violations(&project::metadata()?);
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    Err(Failure::check(format!(
        "dependencies against the arrows of docs/architecture.md:\n  {}",
        wrong.join("\n  ")
    )))
}

/// One sentence for each dependency that the tables above forbid. Development
/// dependencies are free: tests may look up.
fn violations(metadata: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        if !ARROWS.iter().any(|(known, _)| *known == name) {
            wrong.push(format!(
                "{name} has no place among the arrows yet: give it one"
            ));
            continue;
        }
        for dependency in list(package, "dependencies") {
            if text(dependency, "kind") != "dev" {
                wrong.extend(judge(name, text(dependency, "name")));
            }
        }
    }
    wrong
}

fn judge(name: &str, uses: &str) -> Option<String> {
    let ours = ARROWS.iter().any(|(known, _)| *known == uses);
    if ours && !below(name).contains(&uses) {
        return Some(format!("{name} uses {uses}, which is not below it"));
    }
    let (_, rooms, why) = ROOMS.iter().find(|(crates, _, _)| crates.contains(&uses))?;
    let allowed = ABOVE_ALL.contains(&name) || rooms.contains(&name);
    (!allowed).then(|| format!("{name} uses {uses}, but {why}"))
}

/// Everything that `name` may reach.
fn below(name: &str) -> Vec<&'static str> {
    let mut reached: Vec<&'static str> = Vec::new();
    let mut open = vec![name];
    while let Some(next) = open.pop() {
        let direct = ARROWS
            .iter()
            .find(|(known, _)| *known == next)
            .map_or(&[][..], |(_, below)| *below);
        for lower in direct {
            if !reached.contains(lower) {
                reached.push(lower);
                open.push(lower);
            }
        }
    }
    reached
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

    fn package(name: &str, uses: &[(&str, Value)]) -> Value {
        let dependencies: Vec<Value> = uses
            .iter()
            .map(|(name, kind)| json!({ "name": name, "kind": kind }))
            .collect();
        json!({ "packages": [{ "name": name, "dependencies": dependencies }] })
    }

    #[test]
    fn looking_down_is_allowed_also_over_several_steps() {
        let below = package(
            "sotto-cli",
            &[("sotto-client", Value::Null), ("sotto-suite", Value::Null)],
        );
        assert!(violations(&below).is_empty());
    }

    #[test]
    fn looking_up_is_refused_except_in_tests() {
        let up = [("sotto-client", Value::Null)];
        assert_eq!(violations(&package("sotto-engine", &up)).len(), 1);
        let up_in_tests = [("sotto-client", json!("dev"))];
        assert!(violations(&package("sotto-engine", &up_in_tests)).is_empty());
    }

    #[test]
    fn looking_sideways_is_refused() {
        assert_eq!(
            violations(&package("sotto-client", &[("sotto-relay", Value::Null)])).len(),
            1
        );
    }

    #[test]
    fn outside_crates_stay_in_their_rooms() {
        let wrong = violations(&package(
            "sotto-engine",
            &[("tokio", Value::Null), ("mls-rs", Value::Null)],
        ));
        assert_eq!(wrong.len(), 1);
        assert!(wrong.iter().all(|line| line.contains("tokio")), "{wrong:?}");
    }

    #[test]
    fn a_crate_without_a_place_is_noticed() {
        assert_eq!(violations(&package("sotto-new", &[])).len(), 1);
    }
}
