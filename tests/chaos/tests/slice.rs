//! Two minutes of it, in every test run: long enough for each kind of fault to come once.
//! `cargo xtask chaos` goes on for as long as you like.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::path::Path;
use std::time::Duration;

use sotto_chaos::run::{Kind, Report, Settings, play};

/// All fourteen kinds come within it, see `plan`.
const LENGTH: Duration = Duration::from_secs(85);

fn holds(network: Kind, length: Duration) -> Report {
    let settings = Settings {
        seed: 1,
        length,
        network,
    };
    let report = play(&settings).unwrap();
    let stories = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../chaos");
    let story = settings.write(&report, &stories).unwrap();
    assert!(
        report.faults.is_empty(),
        "{}\n{report}\nplay it again: {}\nthe story: {}",
        report.faults.join("\n"),
        settings.line(),
        story.display()
    );
    eprintln!("{report}");
    report
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_whatever_fails_meanwhile() {
    let report = holds(Kind::Proxy, LENGTH);
    // Faults that hit nothing would prove nothing.
    assert_eq!(report.befell.len(), 9, "{report}");
    assert!(report.damage.connections > 0, "{report}");
    assert!(report.accepted > 0, "{report}");
}

#[test]
fn the_same_over_cables_and_routes_of_the_system() {
    if !Kind::Namespaces.is_possible() {
        eprintln!("skipped: network namespaces are not for this user or system");
        return;
    }
    let report = holds(Kind::Namespaces, LENGTH / 2);
    assert!(report.accepted > 0, "{report}");
}
