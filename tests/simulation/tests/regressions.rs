//! Worlds in which something broke once. What, why and how it was found stands in docs/testing.md.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use support::holds;

#[test]
fn receipts_that_a_killed_program_owed_are_sent() {
    holds(
        "--seed 22 --steps 200 --without read,type,draft,name,verify,receipts,revoke,decline,recovery,nonsense,cut,partition,disk-full,disk-fails,clock,sleep,time,relay-restart,relay-cursors,relay-refuses --skip 0-47,50-59,62,67,72-149,152,160,165,168-174,177,186,191-197",
    );
}

#[test]
fn a_clock_that_is_put_back_keeps_nothing_waiting() {
    holds("--seed 101 --steps 261 --small");
}

#[test]
fn what_went_by_age_is_said_and_marks_do_not_promise_more() {
    holds("--seed 104 --small");
}

#[test]
fn clocks_that_differ_are_no_forgery() {
    holds("--seed 144 --small");
}

#[test]
fn packages_that_are_too_old_do_not_hide_the_fresh_ones() {
    holds("--seed 312 --small");
}

#[test]
fn old_epochs_end_without_losing_what_the_same_turn_encrypted() {
    holds("--seed 700 --steps 159 --small --hostile inject");
}

#[test]
fn the_same_world_is_played_whatever_order_hash_maps_have() {
    holds("--seed 9 --steps 300");
}

#[test]
fn letters_that_cross_meet_even_through_an_invite_that_has_ended() {
    holds("--seed 5018 --small");
}

#[test]
fn a_handshake_that_was_swapped_on_its_way_does_not_part_two_people_unseen() {
    holds("--seed 701 --steps 160 --small --hostile swap");
}

#[test]
fn who_closes_a_generation_from_another_epoch_is_noticed() {
    holds("--seed 710 --steps 226 --small --hostile lie");
}

#[test]
fn a_hole_in_one_channel_does_not_silence_the_others() {
    holds("--seed 702 --steps 166 --small --hostile inject");
}

#[test]
fn nobody_is_warned_about_a_group_that_is_never_shown() {
    holds("--seed 9200033 --steps 203 --small --hostile roll-back");
}

#[test]
fn what_a_turn_that_changed_no_byte_acknowledged_is_on_the_disk() {
    holds("--seed 1000491 --steps 270");
    holds("--seed 2000650 --steps 195");
}

#[test]
fn an_invite_that_was_revoked_before_the_relay_knew_it_leads_nowhere_at_once() {
    holds("--seed 2000306 --steps 232");
}

#[test]
fn receipts_that_were_due_when_the_disk_was_full_are_sent_later() {
    holds("--seed 1001861 --steps 239");
}

#[test]
fn a_clock_that_was_put_back_blocks_no_later_commit() {
    holds("--seed 4000229 --steps 578");
}

#[test]
fn a_clock_that_is_a_minute_behind_opens_a_fresh_invite() {
    holds("--seed 4000253 --steps 110");
}

#[test]
fn a_clock_that_is_set_right_at_the_end_keeps_no_text_waiting() {
    holds("--seed 3000296 --steps 294");
}

#[test]
fn a_second_letter_counts_although_its_invite_has_ended() {
    holds("--seed 6000291 --steps 177");
}

#[test]
fn a_letter_opens_after_three_weeks_away() {
    holds("--seed 7008179 --steps 855");
}

#[test]
fn who_has_come_back_a_moment_ago_may_have_no_fresh_package_yet() {
    holds("--seed 6002713 --steps 268");
}

#[test]
fn an_inbox_that_a_lie_has_torn_keeps_no_conversation_waiting() {
    holds("--seed 9200023 --small --hostile lie");
}

#[test]
fn what_was_kept_back_longer_than_its_keys_has_a_line() {
    holds(
        "--seed 9200041 --steps 183 --people 3 --hostile delay --without \
         say,read,type,draft,name,verify,receipts,invite,revoke,open,accept,decline,recovery,nonsense,cut,\
         partition,kill,disk-full,disk-fails,clock,sleep,relay-restart,relay-cursors,relay-refuses \
         --skip 0-91,93,95,98-180",
    );
}
