//! The settings file: TOML, one line a setting, no tables.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::load::Problem;
use super::settings::{Kind, Setting, Settings, Value, close_to, named};

/// Larger ones are no settings file.
const LARGEST: u64 = 256 * 1024;

/// Reads a file that has to be there. Problems are added with the line and column they stand at.
pub(super) fn apply(path: &Path, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let text = match read(path) {
        Ok(text) => text,
        Err(why) => {
            problems.push(Problem {
                place: path.display().to_string(),
                what: why,
            });
            return;
        }
    };
    let at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(&text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!("{}:{line}:{column}", path.display())
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            problems.push(Problem {
                place: at(error.span().map_or(0, |span| span.start)),
                what: format!(
                    "this is no TOML ({}); write a setting as  name = \"text\",  name = 12  or  name = true",
                    error.message().trim()
                ),
            });
            return;
        }
    };
    for (key, value) in &table {
        let name: &str = key.get_ref();
        let Some(setting) = named(name) else {
            let place = at(key.span().start);
            problems.push(unknown(place, name));
            continue;
        };
        let place = at(value.span().start);
        let applied = convert(setting, value.get_ref(), path)
            .and_then(|given| setting.apply(given.value(), &place, settings));
        if let Err(what) = applied {
            let what = format!("{name}: {what}");
            problems.push(Problem { place, what });
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if about.len() > LARGEST {
        return Err(format!(
            "longer than {LARGEST} bytes; this is no settings file"
        ));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn unknown(place: String, name: &str) -> Problem {
    let instead = close_to(name).map_or_else(
        || "`sotto-relay settings` lists all of them".to_owned(),
        |near| format!("did you mean \"{near}\"?"),
    );
    let what = format!("there is no setting \"{name}\"; {instead}");
    Problem { place, what }
}

/// A value as it was written, on its way to a setting.
enum Given {
    Text(String),
    Switch(bool),
    Number(u64),
    List(Vec<String>),
}

impl Given {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Switch(yes) => Value::Switch(*yes),
            Self::Number(number) => Value::Number(*number),
            Self::List(list) => Value::List(list),
        }
    }
}

fn convert(setting: &Setting, value: &DeValue<'_>, path: &Path) -> Result<Given, String> {
    let expected = |what: &str| {
        Err(format!(
            "this is {}, but {what} is wanted; write for example  {} = {}",
            kind_of(value),
            setting.name,
            written(setting)
        ))
    };
    match (setting.kind, value) {
        (Kind::Text, DeValue::String(text)) => Ok(Given::Text(text.to_string())),
        (Kind::Path, DeValue::String(text)) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let joined = folder.join(text.as_ref());
            Ok(Given::Text(joined.to_string_lossy().into_owned()))
        }
        (Kind::Switch, DeValue::Boolean(yes)) => Ok(Given::Switch(*yes)),
        (Kind::Number(least, most), DeValue::Integer(number)) => {
            let digits = number.as_str();
            u64::from_str_radix(digits, number.radix())
                .ok()
                .filter(|number| (least..=most).contains(number))
                .map(Given::Number)
                .ok_or_else(|| beyond(digits, least, most))
        }
        (Kind::List, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            match texts.collect() {
                Some(texts) => Ok(Given::List(texts)),
                None => expected("a list of texts"),
            }
        }
        (Kind::Text | Kind::Path, _) => expected("a text in quotes"),
        (Kind::Switch, _) => expected("true or false, without quotes,"),
        (Kind::Number(..), _) => expected("a whole number without quotes"),
        (Kind::List, _) => expected("a list of texts"),
    }
}

pub(super) fn beyond(given: &str, least: u64, most: u64) -> String {
    format!("{given} is not allowed; write a whole number from {least} to {most}")
}

/// The setting's example as TOML.
pub(super) fn written(setting: &Setting) -> String {
    let example = setting.example;
    match setting.kind {
        Kind::Text | Kind::Path => format!("{example:?}"),
        Kind::Switch | Kind::Number(..) => example.to_owned(),
        Kind::List => format!("[{example:?}]"),
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
