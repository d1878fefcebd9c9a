//! One measured figure.

use serde_json::Value;

/// A line `{"name","value","unit","peer","ratio"}`, as text for a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) unit: String,
    pub(super) peer: String,
    pub(super) ratio: String,
}

impl Figure {
    /// `None` for a line that is no figure.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let cell = |key: &str| value.get(key).map(shown).unwrap_or_default();
        value.get("value")?.as_f64()?;
        let figure = Self {
            name: cell("name"),
            value: cell("value"),
            unit: cell("unit"),
            peer: cell("peer"),
            ratio: cell("ratio"),
        };
        (!figure.name.is_empty()).then_some(figure)
    }
}

/// Three significant digits, or the text itself. A bar would end a table's cell.
fn shown(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let Some(number) = value.as_f64() else {
        return value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
            .replace('|', "/");
    };
    let decimals = match number.abs() {
        size if size >= 100.0 || number.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    grouped(&format!("{number:.decimals$}"))
}

/// 12,345 instead of 12345.
fn grouped(number: &str) -> String {
    let (whole, rest) = match number.find('.') {
        Some(at) => number.split_at(at),
        None => (number, ""),
    };
    let mut text = String::new();
    let digits = whole.trim_start_matches('-').len();
    for (at, digit) in whole.trim_start_matches('-').chars().enumerate() {
        if at > 0 && (digits - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{text}{rest}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn a_figure_is_read_and_rounded() {
        let line =
            r#"{"name":"append","value":12345.678,"unit":"1/s","peer":"bare","ratio":0.8123}"#;
        let figure = Figure::from_line(line).unwrap();
        assert_eq!(
            (figure.value.as_str(), figure.ratio.as_str()),
            ("12,346", "0.812")
        );
    }

    #[test]
    fn a_line_without_a_value_is_no_figure() {
        assert_eq!(
            Figure::from_line(r#"{"level":"info","message":"ready"}"#),
            None
        );
        assert_eq!(Figure::from_line("{ not json"), None);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped("999"), "999");
        assert_eq!(grouped("-1234567.5"), "-1,234,567.5");
    }
}
