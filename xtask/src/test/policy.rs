//! `cargo deny`: licences, banned and doubled crates, sources (`deny.toml`).

use super::Said;
use crate::failure::Failure;
use crate::tool::Tool;

pub(super) fn check() -> Result<Said, Failure> {
    if !Tool::cargo(["deny", "--version"]).succeeds() {
        println!(
            "cargo-deny is missing: it checks what licences and which crates come in. Building it takes some minutes, once."
        );
        Tool::cargo(["install", "cargo-deny", "--locked", "--quiet"]).run()?;
    }
    Tool::cargo([
        "deny",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ])
    .run()?;
    Ok(vec![
        "advisories skipped: they need a database from the network (`cargo deny check advisories`)"
            .to_owned(),
    ])
}
