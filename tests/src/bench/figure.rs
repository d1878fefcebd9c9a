//! The lines that are printed.

use serde_json::json;

/// One figure beside its peer's.
pub fn line(name: &str, value: f64, unit: &str, peer: &str, theirs: f64) {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    let line = json!({
        "name": name,
        "value": round(value),
        "unit": unit,
        "peer": format!("{peer} {}", round(theirs)),
        "ratio": round(value / theirs),
    });
    println!("{line}");
}
