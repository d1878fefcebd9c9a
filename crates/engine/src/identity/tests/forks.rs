//! Two chains of one account: which counts, and when neither does.

use super::super::{Relation, StatementHash};
use super::*;

fn both(one: &Chain, other: &Chain) -> (Relation, Relation) {
    // What was sent compares like the original.
    assert_eq!(sent(one).compare(&sent(other)), one.compare(other));
    (one.compare(other), other.compare(one))
}

#[test]
fn the_longer_of_two_that_agree_counts() {
    let alice = alice();
    let next = alice
        .chain
        .with_list(&alice.account_key, &list(10, 1))
        .unwrap();
    assert_eq!(
        both(&next, &alice.chain),
        (Relation::Newer, Relation::Older)
    );
    assert_eq!(both(&next, &next), (Relation::Same, Relation::Same));
    assert!(alice.chain.is_prefix_of(&next) && next.extends(&alice.chain));
    assert!(!next.is_prefix_of(&alice.chain) && !alice.chain.extends(&next));
}

#[test]
fn of_two_lists_with_one_number_neither_counts() {
    let alice = alice();
    let one = alice
        .chain
        .with_list(&alice.account_key, &list(10, 1))
        .unwrap();
    let other = alice
        .chain
        .with_list(&alice.account_key, &list(20, 1))
        .unwrap();
    let forked = Relation::Forked { number: 2 };
    assert_eq!(both(&one, &other), (forked, forked));
    // Going on as if nothing had happened doesn't help.
    let later = one.with_list(&alice.account_key, &list(30, 1)).unwrap();
    assert_eq!(both(&later, &other), (forked, forked));
    assert!(!later.extends(&other) && !other.is_prefix_of(&later));
}

#[test]
fn a_statement_that_names_both_ends_the_fork() {
    let alice = alice();
    let one = alice
        .chain
        .with_list(&alice.account_key, &list(10, 1))
        .unwrap();
    let other = alice
        .chain
        .with_list(&alice.account_key, &list(20, 1))
        .unwrap();
    let healed = one
        .with_list_ending(&[other.head()], &alice.account_key, &list(30, 1))
        .unwrap();
    assert_eq!(both(&healed, &one), (Relation::Newer, Relation::Older));
    assert_eq!(both(&healed, &other), (Relation::Newer, Relation::Older));
    let later = healed.with_list(&alice.account_key, &list(40, 1)).unwrap();
    assert_eq!(both(&later, &other), (Relation::Newer, Relation::Older));
    // It names a list, not the person behind it: what goes on from there is a fork again.
    let stubborn = other.with_list(&alice.account_key, &list(50, 1)).unwrap();
    let forked = Relation::Forked { number: 2 };
    assert_eq!(both(&healed, &stubborn), (forked, forked));
    // Naming something else ends nothing.
    let wrong = one
        .with_list_ending(&[StatementHash([9; 32])], &alice.account_key, &list(30, 1))
        .unwrap();
    assert_eq!(both(&wrong, &other), (forked, forked));
}

#[test]
fn a_rotation_ends_whatever_the_old_key_signed() {
    let alice = alice();
    // The thief has the account key and goes on at length.
    let mut thief = alice.chain.clone();
    for first in [66, 67, 68, 69] {
        thief = thief
            .with_list(&alice.account_key, &list(first, 1))
            .unwrap();
    }
    let rotated = alice
        .chain
        .rotated(&alice.recovery.signing_key(), &key(101), &list(10, 1))
        .unwrap();
    assert_eq!(both(&rotated, &thief), (Relation::Newer, Relation::Older));
}

#[test]
fn conflicting_rotations_contradict_each_other_for_good() {
    let alice = alice();
    let recovery = alice.recovery.signing_key();
    let one = alice
        .chain
        .rotated(&recovery, &key(101), &list(10, 1))
        .unwrap();
    let other = alice
        .chain
        .rotated(&recovery, &key(102), &list(10, 1))
        .unwrap();
    let forked = Relation::Forked { number: 2 };
    assert_eq!(both(&one, &other), (forked, forked));
    let again = one.rotated(&recovery, &key(103), &list(10, 1)).unwrap();
    assert_eq!(both(&again, &other), (forked, forked));
}

#[test]
fn accounts_are_never_mixed() {
    let (alice, bob) = (alice(), bob());
    let forked = Relation::Forked { number: 0 };
    assert_eq!(both(&alice.chain, &bob.chain), (forked, forked));
    assert!(!alice.chain.is_prefix_of(&bob.chain) && !alice.chain.extends(&bob.chain));
}

#[test]
fn no_more_rivals_than_a_header_holds() {
    let alice = alice();
    let rivals = [StatementHash([1; 32]); 9];
    assert!(
        alice
            .chain
            .with_list_ending(&rivals, &alice.account_key, &list(10, 1))
            .is_err()
    );
    let healed = alice
        .chain
        .with_list_ending(&rivals[..8], &alice.account_key, &list(10, 1))
        .unwrap();
    assert_eq!(sent(&healed), healed);
}
