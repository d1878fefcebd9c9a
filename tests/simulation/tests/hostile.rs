//! The rows of docs/threat-model.md that a relay which lies can try: nobody reads what is not
//! theirs, nobody gets in, nothing false is shown, nothing shown or accepted is lost, whatever the
//! relay does. Messages may be kept from people; that is its power.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use support::holds;

#[test]
fn a_relay_that_drops_frames_shows_nothing_false() {
    holds("--small --worlds 4 --from 700 --hostile drop");
}

#[test]
fn a_relay_that_delays_channels_shows_nothing_false() {
    holds("--small --worlds 4 --from 700 --hostile delay");
}

#[test]
fn a_relay_that_replays_shows_nothing_twice() {
    holds("--small --worlds 4 --from 700 --hostile replay");
}

#[test]
fn a_relay_that_reorders_shows_nothing_false() {
    holds("--small --worlds 4 --from 700 --hostile reorder");
}

#[test]
fn a_relay_that_forks_histories_shows_nothing_false() {
    holds("--small --worlds 4 --from 700 --hostile fork");
}

#[test]
fn a_relay_that_goes_back_to_a_backup_loses_nothing_that_was_shown() {
    holds("--small --worlds 4 --from 700 --hostile roll-back");
}

#[test]
fn a_relay_that_swaps_cards_packages_and_bodies_gets_nobody_in() {
    holds("--small --worlds 4 --from 700 --hostile swap");
}

#[test]
fn a_relay_that_injects_entries_shows_nothing_that_nobody_said() {
    holds("--small --worlds 4 --from 700 --hostile inject");
}

#[test]
fn a_relay_that_lies_about_storing_shows_nothing_twice() {
    holds("--small --worlds 4 --from 700 --hostile lie");
}
