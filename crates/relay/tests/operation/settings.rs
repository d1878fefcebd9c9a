//! Where settings come from, who wins, and what is said when they are wrong.

use sotto_relay::config::settings::{Kind, SETTINGS, Setting};

use crate::program::{Running, ask, on, program};

/// Value and place of a setting, as `sotto-relay settings` tells them.
fn in_effect(said: &str, name: &str) -> (String, String) {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} = ")))
        .unwrap_or_else(|| panic!("{name} in {said}"));
    let (value, place) = line.split_once("    (").unwrap();
    let place = place
        .trim_end_matches(')')
        .trim_end_matches(", can be reloaded");
    (value.to_owned(), place.to_owned())
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sotto-relay.toml");
    let text = "connections = 1\nsubscriptions = 2\nproofs = 3\nallow-origin = [\"https://a.example\", \"https://b.example\"]\n";
    std::fs::write(&file, text).unwrap();
    let mut command = on(folder.path(), &["settings", "--connections", "111"]);
    command
        .env("SOTTO_RELAY_CONNECTIONS", "11")
        .env("SOTTO_RELAY_SUBSCRIPTIONS", "22");
    let said = ask(&mut command);
    assert_eq!(said.code, 0, "{}", said.err);
    let shown = |name: &str| in_effect(&said.out, name);
    let pair = |value: &str, place: &str| (value.to_owned(), place.to_owned());
    assert_eq!(shown("connections"), pair("111", "--connections"));
    assert_eq!(
        shown("subscriptions"),
        pair("22", "SOTTO_RELAY_SUBSCRIPTIONS")
    );
    let (value, place) = shown("proofs");
    assert_eq!(value, "3");
    assert!(place.ends_with("sotto-relay.toml:3:10"), "{place}");
    assert_eq!(shown("handshake-seconds"), pair("10", "default"));
    assert_eq!(
        shown("allow-origin").0,
        "https://a.example, https://b.example"
    );
    assert_eq!(shown("data").0, folder.path().display().to_string());

    // A list is replaced as a whole: by flags one each, by the environment with commas.
    let mut command = on(folder.path(), &["settings"]);
    command.env(
        "SOTTO_RELAY_ALLOW_ORIGIN",
        "https://c.example,https://d.example",
    );
    let said = ask(&mut command);
    assert_eq!(
        in_effect(&said.out, "allow-origin").0,
        "https://c.example, https://d.example"
    );
    let flags = [
        "settings",
        "--allow-origin",
        "https://e.example",
        "--allow-origin",
        "https://f.example",
    ];
    let said = ask(&mut on(folder.path(), &flags));
    assert_eq!(
        in_effect(&said.out, "allow-origin").0,
        "https://e.example, https://f.example"
    );

    // The token is never shown.
    let mut command = on(folder.path(), &["settings"]);
    let said = ask(command.env("SOTTO_RELAY_TOKEN", "open sesame, please"));
    assert_eq!(
        in_effect(&said.out, "token"),
        pair("(set)", "SOTTO_RELAY_TOKEN")
    );
    assert!(!said.out.contains("sesame"), "{}", said.out);
}

#[test]
fn everything_wrong_is_named_with_its_place_and_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sotto-relay.toml");
    let text = "lisen = \"127.0.0.1:0\"\n\
                listen = \"7443\"\n\
                \x20 connections = \"many\"\n\
                proofs = 0\n\
                plain = \"yes\"\n\
                allow-origin = [\"https://a.example/path\"]\n\
                log-level = \"loud\"\n\
                acme-contact = \"me\"\n\
                key = \"key.pem\"\n\
                [limits]\n";
    std::fs::write(&file, text).unwrap();
    let mut command = on(folder.path(), &["--subscriptions", "-1", "--plain=maybe"]);
    let said = ask(command
        .env("SOTTO_RELAY_TOKEN", "short")
        .env("SOTTO_RELAY_ACME", "http://x"));
    assert_eq!(said.code, 78, "wrong settings: {}", said.err);
    let at = file.display();
    for expected in [
        format!("{at}:1:1: there is no setting \"lisen\"; did you mean \"listen\"?"),
        format!(
            "{at}:2:10: listen: \"7443\" is no address with a port; write for example \"127.0.0.1:7443\""
        ),
        format!(
            "{at}:3:17: connections: this is a text, but a whole number without quotes is wanted; write for example  connections = 5000"
        ),
        format!("{at}:4:10: proofs: 0 is not allowed; write a whole number from 1 to 1000000"),
        format!("{at}:5:9: plain: this is a text, but true or false, without quotes, is wanted"),
        format!("{at}:6:16: allow-origin: \"https://a.example/path\" is no origin"),
        format!("{at}:7:13: log-level: \"loud\" is no level; write \"error\""),
        format!("{at}:8:16: acme-contact: \"me\" is no mail address"),
        format!("{at}:10:2: there is no setting \"limits\""),
        "--subscriptions: \"-1\" is not allowed".into(),
        "--plain: \"maybe\" is neither; write true or false".into(),
        "SOTTO_RELAY_TOKEN: shorter than 8 characters".into(),
        "SOTTO_RELAY_ACME: \"http://x\" is no certificate authority".into(),
        "certificate: a certificate needs its key".into(),
    ] {
        assert!(
            said.err.contains(&expected),
            "{expected}\nnot in\n{}",
            said.err
        );
    }
    // Secrets are not repeated, and nothing was made.
    assert!(!said.err.contains("\"short\""), "{}", said.err);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");

    // No TOML at all, a file that is not there, one that says where it is itself.
    std::fs::write(&file, "log-level = \"info\"\nlisten 127.0.0.1\n").unwrap();
    let said = ask(&mut on(folder.path(), &[]));
    assert!(
        said.err.contains(&format!("{at}:2:8: this is no TOML")),
        "{}",
        said.err
    );
    let said = ask(&mut on(folder.path(), &["--config", "/nowhere/relay.toml"]));
    assert!(
        said.err.contains("/nowhere/relay.toml: No such file"),
        "{}",
        said.err
    );
    std::fs::write(&file, "data = \"elsewhere\"\n").unwrap();
    let said = ask(&mut on(folder.path(), &[]));
    assert!(
        said.err.contains("can't say where the data folder is"),
        "{}",
        said.err
    );

    // What only makes sense together.
    std::fs::write(&file, "").unwrap();
    let said = ask(&mut on(folder.path(), &["--acme", "letsencrypt"]));
    assert!(said.err.contains("set \"host\" to one"), "{}", said.err);
    let flags = ["--acme", "letsencrypt", "--host", "a.example", "--plain"];
    let said = ask(&mut on(folder.path(), &flags));
    assert!(said.err.contains("leave \"plain\" out"), "{}", said.err);
}

#[test]
fn a_variable_that_is_no_setting_is_pointed_out_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = on(folder.path(), &["--listen", "127.0.0.1:0"]);
    command
        .env("SOTTO_RELAY_PORT", "tcp://10.0.0.1:7443")
        .env("SOTTO_RELAY_LOG_LEVLE", "debug");
    let said = Running::start(&mut command).stop();
    assert!(said.contains("SOTTO_RELAY_PORT"), "{said}");
    assert!(
        said.contains("did you mean SOTTO_RELAY_LOG_LEVEL?"),
        "{said}"
    );
}

#[test]
fn without_arguments_it_is_ready_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("state");
    // The port alone is taken away from the defaults, which may be in use here.
    let start = || {
        let mut command = program(&[]);
        command
            .env("STATE_DIRECTORY", &data)
            .env("SOTTO_RELAY_LISTEN", "127.0.0.1:0");
        command
    };
    let relay = Running::start(&mut start());
    let address = relay.address.to_string();
    let said = relay.stop();
    for expected in [
        address.as_str(),
        "Give it to the app",
        "--listen 0.0.0.0:",
        "sotto-relay check",
        "sotto-relay backup FILE",
        &data.display().to_string(),
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
    assert!(data.join("identity.key").exists());
    // Said once: from then on the log is for what happens.
    let said = Running::start(&mut start()).stop();
    assert!(!said.contains("Give it to the app"), "{said}");
    assert!(said.contains("ready"), "{said}");
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    std::fs::write(&file, "data = \"kept\"\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let relay = Running::start(&mut program(&["--config", file.to_str().unwrap()]));
    relay.stop();
    assert!(folder.path().join("kept").join("relay.db").exists());
}

/// Where a router or a proxy forwards another port.
#[test]
fn the_address_can_name_another_port() {
    let folder = tempfile::tempdir().unwrap();
    for (host, expected) in [
        ("relay.example.org:443", ("relay.example.org", Some(443))),
        ("relay.example.org", ("relay.example.org", None)),
        ("[2001:db8::1]:443", ("2001:db8::1", Some(443))),
        ("2001:db8::1", ("2001:db8::1", None)),
    ] {
        let relay = Running::on(folder.path(), &["--host", host]);
        assert_eq!(relay.address.host, expected.0, "{host}");
        match expected.1 {
            Some(port) => assert_eq!(relay.address.port, port, "{host}"),
            None => assert_ne!(relay.address.port, 443, "{host}"),
        }
        relay.stop();
    }
}

/// What the table shows as an example can be written like that.
#[test]
fn every_example_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    for setting in SETTINGS {
        std::fs::write(&file, format!("{} = {}\n", setting.name, written(setting))).unwrap();
        let said = ask(&mut program(&[
            "settings",
            "--config",
            file.to_str().unwrap(),
            "--data",
            "/tmp",
        ]));
        // That a key needs its certificate is another matter.
        let at = format!("{}:", file.display());
        assert!(!said.err.contains(&at), "{}: {}", setting.name, said.err);
    }
}

/// A setting's example in the file's spelling.
fn written(setting: &Setting) -> String {
    match setting.kind {
        Kind::Text | Kind::Path => format!("{:?}", setting.example),
        Kind::Switch | Kind::Number(..) => setting.example.to_owned(),
        Kind::List => format!("[{:?}]", setting.example),
    }
}

/// The table in the document is this one; `SOTTO_BLESS=1` writes it.
#[test]
fn the_documents_table_is_the_list_itself() {
    const BEGIN: &str = "<!-- settings: written by crates/relay/tests/operation/settings.rs -->\n";
    const END: &str = "<!-- end of settings -->";
    let mut table =
        String::from("| setting | default | example | reload | |\n|---|---|---|---|---|\n");
    for setting in SETTINGS {
        let example = written(setting);
        let kind = match setting.kind {
            Kind::Number(least, most) => format!(" From {least} to {most}."),
            _ => String::new(),
        };
        let reload = if setting.live { "yes" } else { "" };
        table += &format!(
            "| `{}` | {} | `{example}` | {reload} | {}{kind} |\n",
            setting.name, setting.default, setting.what
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SOTTO_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written.trim(),
        table.trim(),
        "SOTTO_BLESS=1 cargo test writes it"
    );
}
