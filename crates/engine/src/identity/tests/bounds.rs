//! How much a chain and a list may hold, and what a list may not say.

use super::super::statement::{Header, Kind, Statement, body_hash};
use super::super::{ChainError, InvalidList, StatementHash, limits};
use super::chain::{Forged, header_of};
use super::*;

#[test]
fn a_thousand_renewals_fit_and_one_more_is_refused() {
    let alice = alice();
    let largest = list(10, 64);
    let mut chain = alice.chain.clone();
    while chain.number() < limits::MAX_STATEMENTS as u32 {
        chain = chain.with_list(&alice.account_key, &largest).unwrap();
    }
    let bytes = chain.encoded();
    assert!(bytes.len() <= limits::MAX_CHAIN, "{} bytes", bytes.len());
    assert_eq!(sent(&chain).number(), 1024);
    assert_eq!(
        chain.with_list(&alice.account_key, &list(10, 1)),
        Err(ChainError::TooLong)
    );
    // Three years of monthly renewals fit a card beside everything else.
    let mut chain = alice.chain.clone();
    while chain.number() < 36 {
        chain = chain.with_list(&alice.account_key, &list(10, 3)).unwrap();
    }
    assert!(chain.encoded().len() < sotto_wire::limits::MAX_CARD / 4);
}

#[test]
fn more_rotations_than_a_credential_holds_are_refused() {
    let alice = alice();
    let recovery = alice.recovery.signing_key();
    let mut chain = alice.chain.clone();
    for _ in 0..limits::MAX_ROTATIONS {
        chain = chain.rotated(&recovery, &key(101), &list(10, 1)).unwrap();
    }
    assert_eq!(
        chain.rotated(&recovery, &key(101), &list(10, 1)),
        Err(ChainError::TooLong)
    );
    assert_eq!(sent(&chain), chain);
}

#[test]
fn lists_that_break_a_rule_are_neither_signed_nor_believed() {
    let alice = alice();
    let wrong = |change: fn(&mut DeviceList)| {
        let mut bad = list(10, 2);
        change(&mut bad);
        let signed = alice.chain.with_list(&alice.account_key, &bad).unwrap_err();
        let mut forged = Forged::from(&alice.chain);
        let header = header_of(&bad, 2, alice.chain.head());
        forged
            .statements
            .push(Statement::sign(&header, bad.encode(), &alice.account_key));
        assert_eq!(forged.verify(&alice).unwrap_err(), signed);
        signed
    };
    let broken = |rule| ChainError::List(rule);
    assert_eq!(
        wrong(|list| list.devices.clear()),
        broken(InvalidList::Devices(0))
    );
    assert_eq!(
        wrong(|list| list.devices = super::list(10, 65).devices),
        broken(InvalidList::Devices(65))
    );
    assert_eq!(
        wrong(|list| list.inboxes.clear()),
        broken(InvalidList::Inboxes(0))
    );
    assert_eq!(
        wrong(|list| list.inboxes = (1..=4).map(inbox).collect()),
        broken(InvalidList::Inboxes(4))
    );
    assert_eq!(
        wrong(|list| list.inboxes[1] = inbox(1)),
        broken(InvalidList::Twice)
    );
    assert_eq!(
        wrong(|list| list.devices[1].key = list.devices[0].key),
        broken(InvalidList::Twice)
    );
    assert_eq!(
        wrong(|list| list.devices[1].slot = list.devices[0].slot),
        broken(InvalidList::Twice)
    );
    assert_eq!(
        wrong(|list| list.devices[0].name = "x".repeat(65)),
        broken(InvalidList::Name)
    );
    assert_eq!(
        wrong(|list| list.devices[0].name = "\u{1b}[2J".into()),
        broken(InvalidList::Name)
    );
    assert_eq!(
        wrong(|list| list.expires = list.issued),
        broken(InvalidList::Times)
    );
}

#[test]
fn a_forged_header_names_no_more_rivals_than_an_honest_one() {
    let alice = alice();
    let next = list(10, 1);
    for (rivals, refused) in [
        (limits::MAX_RIVALS, None),
        (limits::MAX_RIVALS + 1, Some(ChainError::TooLong)),
        (limits::MAX_RIVALS + 2, Some(ChainError::TooLong)),
    ] {
        let mut header = header_of(&next, 2, alice.chain.head());
        header.rivals = Some(vec![StatementHash([1; 32]); rivals]);
        let statement = Statement::sign(&header, next.encode(), &alice.account_key);
        let mut forged = Forged::from(&alice.chain);
        forged.statements.push(statement);
        assert_eq!(forged.verify(&alice).err(), refused, "{rivals} rivals");
    }
}

#[test]
fn a_body_is_measured_before_it_is_read() {
    let alice = alice();
    for (len, too_long) in [
        (limits::MAX_BODY, false),
        (limits::MAX_BODY + 1, true),
        (limits::MAX_BODY + 2, true),
    ] {
        let body = vec![0; len];
        let header = Header {
            kind: Kind::List,
            number: 2,
            previous: alice.chain.head(),
            body: body_hash(&body),
            rivals: None,
        };
        let mut forged = Forged::from(&alice.chain);
        let statement = Statement::sign(&header, body, &alice.account_key);
        forged.statements.push(statement);
        let measured = forged.verify(&alice) == Err(ChainError::BodyMismatch { number: 2 });
        assert_eq!(measured, too_long, "{len} bytes");
    }
}
