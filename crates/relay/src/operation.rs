//! `sotto-relay` as a person runs it: starting, what it says on the screen, reloading, ending, and
//! the commands that look after what it keeps.

mod backup;
mod check;
mod local;
mod log;
mod notify;
mod reload;
mod restore;
mod serve;
mod servers;
mod settings;
mod stats;
mod welcome;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::load::{ConfigError, Sources};
use crate::config::settings::{Kind, SETTINGS};
use servers::OnServers;

/// What a process ends with whose settings are wrong: trying again does not help (`EX_CONFIG` of
/// sysexits.h).
const WRONG_SETTINGS: u8 = 78;

/// Runs the program with its arguments and environment.
pub fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            if !ended.why.is_empty() {
                eprintln!("sotto-relay: {}", ended.why);
            }
            ExitCode::from(ended.code)
        }
    }
}

/// Why the program ends without having done what was asked.
struct Ended {
    why: String,
    code: u8,
}

impl From<String> for Ended {
    fn from(why: String) -> Self {
        Self { why, code: 1 }
    }
}

impl From<OnServers> for Ended {
    fn from(error: OnServers) -> Self {
        error.to_string().into()
    }
}

impl From<ConfigError> for Ended {
    fn from(error: ConfigError) -> Self {
        Self {
            why: format!("the settings can't be used:\n{error}"),
            code: WRONG_SETTINGS,
        }
    }
}

fn run(matches: &ArgMatches) -> Result<(), Ended> {
    let sources = sources(matches);
    match matches.subcommand() {
        Some(("settings", _)) => Ok(settings::print(&sources)?),
        Some(("check", asked)) if asked.get_flag("health") => Ok(check::health(&sources)?),
        Some(("check", _)) => check::print(&sources),
        Some(("backup", asked)) => {
            let settings = sources.load()?.settings;
            if let Some(options) = &settings.store {
                return Err(OnServers::backup(options).into());
            }
            Ok(backup::run(&settings, &path(asked))?)
        }
        Some(("restore", asked)) => {
            let settings = sources.load()?.settings;
            if let Some(options) = &settings.store {
                return Err(OnServers::restore(options).into());
            }
            let force = asked.get_flag("force");
            Ok(restore::run(&settings.config.data, &path(asked), force)?)
        }
        Some(("stats", _)) => Ok(stats::print(&sources.load()?.settings)?),
        _ => serve::run(sources),
    }
}

fn path(asked: &ArgMatches) -> std::path::PathBuf {
    let named: Option<&String> = asked.get_one("path");
    named.map(Into::into).unwrap_or_default()
}

/// Flags and environment, for now and for every reload.
fn sources(matches: &ArgMatches) -> Sources {
    let mut flags = Vec::new();
    for setting in SETTINGS {
        let given = matches.get_many::<String>(setting.name);
        flags.extend(
            given
                .into_iter()
                .flatten()
                .map(|value| (setting.name, value.clone())),
        );
    }
    let file: Option<&String> = matches.get_one("config");
    Sources {
        file: file.map(Into::into),
        flags,
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    }
}

/// The command line: one flag for each setting, and the commands.
fn command() -> Command {
    let styles = Styles::styled()
        .header(AnsiColor::Cyan.on_default().bold())
        .literal(AnsiColor::Cyan.on_default());
    let mut command = Command::new("sotto-relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A Sotto relay: passes sealed messages on and can't read them.\n\nWithout a command it runs until it is told to stop.")
        .after_help("Every flag can also stand in the environment (SOTTO_RELAY_LISTEN for --listen) and in a settings file. A flag wins over the environment, the environment over the file. `sotto-relay settings` says what is in effect.")
        .styles(styles)
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .global(true)
                .help("Settings file (TOML); without it, sotto-relay.toml in the data folder, if it is there"),
        )
        .subcommand(
            Command::new("check")
                .about("Looks whether all is well, and says what to do where it is not")
                .arg(
                    Arg::new("health")
                        .long("health")
                        .action(ArgAction::SetTrue)
                        .help("Only asks the running relay whether it can work; for health checks"),
                ),
        )
        .subcommand(
            Command::new("backup")
                .about("Copies everything that the relay keeps into one file, also while it runs")
                .arg(named("PATH", "File to make, or a folder to make it in")),
        )
        .subcommand(
            Command::new("restore")
                .about("Puts a backup in place")
                .arg(named("FILE", "The backup"))
                .arg(
                    Arg::new("force")
                        .long("force")
                        .action(ArgAction::SetTrue)
                        .help("Over a relay that is there; that one is moved aside, not deleted"),
                ),
        )
        .subcommand(Command::new("stats").about("Says how much the relay keeps and does"))
        .subcommand(Command::new("settings").about("Says what is in effect, and who said so"));
    for setting in SETTINGS {
        let help = format!("{} [default: {}]", setting.what, setting.default);
        let flag = Arg::new(setting.name)
            .long(setting.name)
            .global(true)
            .help_heading("Settings")
            .help(help)
            .action(ArgAction::Append);
        command = command.arg(match setting.kind {
            Kind::Switch => flag
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_name("true|false"),
            // One below zero is refused with the others' words, not as an unknown flag.
            Kind::Number(..) => flag.value_name("NUMBER").allow_negative_numbers(true),
            Kind::Path => flag.value_name("PATH"),
            Kind::Text | Kind::List => flag.value_name("TEXT"),
        });
    }
    command
}

fn named(value: &'static str, help: &'static str) -> Arg {
    Arg::new("path").value_name(value).required(true).help(help)
}
