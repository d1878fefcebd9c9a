//! `bindings/contract.ts`, from the types. The test writes the file when `SOTTO_WRITE_BINDINGS` is
//! set, and otherwise fails if it is out of date.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use super::*;
use crate::keys::{KeySource, Protection};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bindings/contract.ts");

fn bindings() -> String {
    let config = Config::new().with_large_int("number");
    let mut out = format!(
        "// Made from crates/client/src/contract by its test; do not edit.\n\
         // SOTTO_WRITE_BINDINGS=1 cargo test -p sotto-client bindings\n\n\
         /** Version of the contract; the answer to `version` must say the same. */\n\
         export const CONTRACT = {VERSION};\n\n"
    );
    macro_rules! declare {
        ($($type:ty),* $(,)?) => {
            $( writeln!(out, "export {}\n", <$type as TS>::decl(&config)).unwrap(); )*
        };
    }
    declare!(
        Timestamp,
        Problem,
        AccountView,
        ConversationState,
        Shield,
        ShieldReason,
        Author,
        Delivery,
        Notice,
        Body,
        MessageView,
        Page,
        SentAs,
        ConversationView,
        MemberView,
        ConversationDetails,
        RequestView,
        InviteState,
        InviteView,
        InviteGlance,
        Command,
        Done,
        Event,
        KeySource,
        Protection,
        Query,
        Manage,
        Request,
        Call,
        VersionView,
        ProfileView,
        RelayState,
        RelayStatus,
        HostEvent,
        ProfileEvent,
        Published,
        Start,
    );
    out.push_str(
        "/** Every call by name: what it takes beside `profile`, and what it answers. */\n\
         export interface Methods {\n",
    );
    for method in METHODS {
        let of = match method.kind {
            Kind::Command => "Command",
            Kind::Query => "Query",
            Kind::Manage | Kind::Host => "Manage",
        };
        let (name, tag, answer) = (method.name, method.kind.tag(), method.answer);
        let params = format!(r#"Omit<Extract<{of}, {{ "{tag}": "{name}" }}>, "{tag}">"#);
        let profile = method.kind != Kind::Host;
        writeln!(
            out,
            "  {name}: {{ profile: {profile}; params: {params}; answer: {answer} }};"
        )
        .unwrap();
    }
    out.push_str("}\n");
    out
}

#[test]
fn bindings_are_up_to_date() {
    let now = bindings();
    if std::env::var_os("SOTTO_WRITE_BINDINGS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(PATH).parent().unwrap()).unwrap();
        std::fs::write(PATH, &now).unwrap();
    }
    let committed = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        committed == now,
        "bindings/contract.ts is out of date: SOTTO_WRITE_BINDINGS=1 cargo test -p sotto-client bindings"
    );
}

/// The tags that a TypeScript union names.
fn tags(declaration: &str, tag: &str) -> Vec<String> {
    let start = format!("\"{tag}\": \"");
    let mut rest = declaration;
    let mut found = Vec::new();
    while let Some(at) = rest.find(&start) {
        rest = &rest[at + start.len()..];
        found.push(rest[..rest.find('"').unwrap()].to_owned());
    }
    found.sort();
    found
}

#[test]
fn every_request_has_a_method_and_every_method_a_request() {
    let config = Config::new().with_large_int("number");
    for (kinds, declaration, tag) in [
        (&[Kind::Command][..], Command::decl(&config), "do"),
        (&[Kind::Query], Query::decl(&config), "read"),
        (&[Kind::Manage, Kind::Host], Manage::decl(&config), "manage"),
    ] {
        let mut listed: Vec<_> = METHODS
            .iter()
            .filter(|method| kinds.contains(&method.kind))
            .map(|method| method.name.to_owned())
            .collect();
        listed.sort();
        assert_eq!(listed, tags(&declaration, tag), "{tag}");
    }
}
