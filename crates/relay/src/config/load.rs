//! Flags, environment, file and defaults become one configuration.
//!
//! What stands further left wins: **flag, environment, file, default**. Everything that was
//! written is checked, also where something else wins, because it would be wrong the day that the
//! other goes away.

use std::fmt;
use std::path::{Path, PathBuf};

use super::CertificateSource;
use super::file;
use super::place;
use super::settings::{Kind, PREFIX, SETTINGS, Setting, Settings, Value, close_to, named};

/// One thing wrong with what was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `file:line:column`, the environment's variable, or the flag.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Everything wrong with what was set, a line each.
#[derive(Clone, Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Where settings come from, other than the file. Kept, so that a reload asks the same sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`, or the variable that stands for it.
    pub file: Option<PathBuf>,
    /// Flags in the order in which they were given: name and value.
    pub flags: Vec<(&'static str, String)>,
    /// The environment.
    pub environment: Vec<(String, String)>,
}

/// A configuration, and what was noticed on the way.
pub struct Loaded {
    /// It.
    pub settings: Settings,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// Not wrong enough to refuse, but to be said.
    pub notices: Vec<Problem>,
}

impl Sources {
    /// Reads everything.
    ///
    /// # Errors
    /// [`ConfigError`] names all that is wrong, not only the first.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut problems = Vec::new();
        let mut notices = Vec::new();
        let mut settings = Settings::new(self.data_folder()?);
        let file = self.file(&settings.config.data);
        if let Some(path) = &file {
            file::apply(path, &mut settings, &mut problems);
        }
        if settings.said.contains_key("data") && self.named_file().is_none() {
            problems.push(Problem {
                place: file.as_deref().unwrap_or(Path::new(place::FILE)).display().to_string(),
                what: "data: a file in the data folder can't say where the data folder is; leave it out, or name the file with --config".into(),
            });
        }
        self.apply_environment(&mut settings, &mut problems, &mut notices);
        self.apply_flags(&mut settings, &mut problems);
        together(&mut settings, &mut problems);
        if problems.is_empty() {
            return Ok(Loaded {
                settings,
                file,
                notices,
            });
        }
        Err(ConfigError(problems))
    }

    /// The data folder as far as it is known before the file is read.
    fn data_folder(&self) -> Result<PathBuf, ConfigError> {
        let flag = self.flags.iter().rev().find(|(name, _)| *name == "data");
        let named = flag.map(|(_, path)| path.as_str());
        if let Some(path) = named.or_else(|| self.variable("SOTTO_RELAY_DATA")) {
            return Ok(path.into());
        }
        let environment = |name: &str| self.variable(name).map(str::to_owned);
        place::data_folder(&environment).ok_or_else(|| {
            ConfigError(vec![Problem {
                place: "data".into(),
                what: "this user has no home folder; name a folder with --data".into(),
            }])
        })
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn named_file(&self) -> Option<PathBuf> {
        let variable = self.variable("SOTTO_RELAY_CONFIG").map(PathBuf::from);
        self.file.clone().or(variable)
    }

    /// A file that was named has to be there; the one in the data folder may be.
    fn file(&self, data: &Path) -> Option<PathBuf> {
        self.named_file().or_else(|| {
            let usual = data.join(place::FILE);
            usual.exists().then_some(usual)
        })
    }

    fn apply_environment(
        &self,
        settings: &mut Settings,
        problems: &mut Vec<Problem>,
        notices: &mut Vec<Problem>,
    ) {
        for (name, value) in &self.environment {
            let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| *rest != "CONFIG") else {
                continue;
            };
            let Some(setting) = named(&rest.to_ascii_lowercase().replace('_', "-")) else {
                // Not refused: Kubernetes, for one, sets SOTTO_RELAY_PORT and more where a
                // service has that name.
                let instead = close_to(rest)
                    .and_then(named)
                    .map_or_else(String::new, |near| {
                        format!("; did you mean {}?", near.variable())
                    });
                notices.push(Problem {
                    place: name.clone(),
                    what: format!("there is no such setting, so this does nothing{instead}"),
                });
                continue;
            };
            let place = name.clone();
            let given = std::slice::from_ref(value);
            if let Err(what) = from_text(setting, given, true, &place, settings) {
                problems.push(Problem { place, what });
            }
        }
    }

    fn apply_flags(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        for setting in SETTINGS {
            let given = self.flags.iter().filter(|(name, _)| *name == setting.name);
            let given: Vec<String> = given.map(|(_, value)| value.clone()).collect();
            if given.is_empty() {
                continue;
            }
            let place = format!("--{}", setting.name);
            if let Err(what) = from_text(setting, &given, false, &place, settings) {
                problems.push(Problem { place, what });
            }
        }
    }
}

/// Applies a value that came as text.
fn from_text(
    setting: &'static Setting,
    given: &[String],
    commas: bool,
    place: &str,
    settings: &mut Settings,
) -> Result<(), String> {
    let last = given.last().map_or("", |value| value.trim());
    let list: Vec<String>;
    let value = match setting.kind {
        Kind::Text | Kind::Path => Value::Text(last),
        Kind::Switch => match last {
            "true" | "yes" | "1" => Value::Switch(true),
            "false" | "no" | "0" | "" => Value::Switch(false),
            other => return Err(format!("{other:?} is neither; write true or false")),
        },
        Kind::Number(least, most) => match last.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Value::Number(number),
            _ => return Err(file::beyond(&format!("{last:?}"), least, most)),
        },
        Kind::List => {
            list = given
                .iter()
                .flat_map(|value| value.split(|c| commas && c == ','))
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
                .collect();
            Value::List(&list)
        }
    };
    setting.apply(value, place, settings)
}

/// What only makes sense together.
fn together(settings: &mut Settings, problems: &mut Vec<Problem>) {
    let mut wrong = |place: &str, what: &str| {
        problems.push(Problem {
            place: place.into(),
            what: what.into(),
        });
    };
    let files = settings.certificate.clone().zip(settings.key.clone());
    if settings.certificate.is_some() != settings.key.is_some() {
        wrong(
            "certificate",
            "a certificate needs its key and a key its certificate; set both \"certificate\" and \"key\"",
        );
    }
    if settings.acme.is_none() && (settings.acme_contact.is_some() || settings.acme_roots.is_some())
    {
        wrong(
            "acme",
            "\"acme-contact\" and \"acme-roots\" do nothing without \"acme\"; set it, or leave them out",
        );
    }
    if settings.acme.is_some() {
        if settings.config.plain {
            wrong(
                "acme",
                "without TLS there is no certificate; leave \"plain\" out",
            );
        }
        if files.is_some() {
            wrong(
                "acme",
                "either your own certificate or one by ACME; leave one of the two out",
            );
        }
        let host = settings.config.host.as_deref();
        if host.is_none_or(|host| host.parse::<std::net::IpAddr>().is_ok() || !host.contains('.')) {
            wrong(
                "acme",
                "an authority certifies a public name; set \"host\" to one, such as \"relay.example.org\"",
            );
        }
    }
    settings.config.certificate = match (files, settings.acme_options()) {
        (Some((certificate, key)), _) => CertificateSource::Files { certificate, key },
        (None, Some(options)) => CertificateSource::Acme(options),
        (None, None) => CertificateSource::SelfMade,
    };
}
