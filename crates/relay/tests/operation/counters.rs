//! Counters as a scraper reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use sotto_relay::Metrics;
use sotto_wire::RefusalCode;

/// What a scrape reads: value by name with labels. Every line has to be what the format says.
fn read(text: &str) -> BTreeMap<String, f64> {
    let mut typed = BTreeMap::new();
    let mut values = BTreeMap::new();
    for line in text.lines() {
        if let Some(about) = line.strip_prefix("# TYPE ") {
            let (name, kind) = about.split_once(' ').unwrap();
            assert!(
                typed.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} twice"
            );
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let known = ["", "_bucket", "_sum", "_count"].iter().any(|end| {
                family
                    .strip_suffix(end)
                    .is_some_and(|name| typed.contains_key(name))
            });
            assert!(known, "{line}: no TYPE before it");
            assert!(
                values
                    .insert(name.to_owned(), value.parse().unwrap())
                    .is_none(),
                "{name}"
            );
        }
    }
    values
}

#[test]
fn histograms_add_up() {
    let metrics = Metrics::default();
    for (orders, micros) in [(1, 300), (1, 800), (60, 4_000), (900, 9_000_000)] {
        metrics.batch(orders, Duration::from_micros(micros));
    }
    let values = read(&metrics.render());
    let bucket =
        |le: &str| values[&format!("sotto_relay_store_batch_orders_bucket{{le=\"{le}\"}}")];
    assert_eq!(
        (bucket("1"), bucket("32"), bucket("64"), bucket("512")),
        (2.0, 2.0, 3.0, 3.0)
    );
    assert_eq!(bucket("+Inf"), 4.0);
    assert_eq!(values["sotto_relay_store_batch_orders_sum"], 962.0);
    assert_eq!(values["sotto_relay_store_batch_seconds_count"], 4.0);
    assert!((values["sotto_relay_store_batch_seconds_sum"] - 9.0051).abs() < 1e-9);
}

#[test]
fn refusals_are_counted_by_the_name_of_their_code() {
    let metrics = Metrics::default();
    metrics.refused(RefusalCode::Malformed);
    metrics.refused(RefusalCode::Stale);
    metrics.refused(RefusalCode::Unexpected);
    metrics.closed(RefusalCode::TooFast);
    let values = read(&metrics.render());
    let refused =
        |code: &str| values[&format!("sotto_relay_requests_refused_total{{code=\"{code}\"}}")];
    for (code, expected) in [
        ("malformed", 1.0),
        ("stale", 1.0),
        ("unexpected", 1.0),
        ("quota", 0.0),
        ("taken", 0.0),
    ] {
        assert_eq!(refused(code), expected, "{code}");
    }
    assert_eq!(
        values["sotto_relay_connections_closed_total{code=\"too_fast\"}"],
        1.0
    );
}

#[test]
fn what_is_not_known_is_not_said() {
    let metrics = Metrics::default();
    assert!(!metrics.render().contains("sotto_relay_channels"));
    metrics.set_stock(Some(7), 4096, None);
    let values = read(&metrics.render());
    assert_eq!(values["sotto_relay_channels"], 7.0);
    assert!(!values.contains_key("sotto_relay_disk_free_bytes"));
}
