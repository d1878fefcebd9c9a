//! The recovery code: read back from paper, and nothing leaks on the way.

use std::collections::HashSet;

use super::super::{RecoveryCode, RecoveryCodeError};
use super::*;

fn code() -> RecoveryCode {
    RecoveryCode::from_entropy(&Secret::new([0x7f; 32]))
}

#[test]
fn agrees_with_the_vectors_of_bip_39() {
    // From the vectors that the BIP itself names, 256 bits each.
    for (entropy, words) in [
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        ),
        (
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title",
        ),
        (
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        ),
        (
            "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
            "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
        ),
    ] {
        let entropy = Secret::from_slice(&hex::decode(entropy).unwrap()).unwrap();
        let code = RecoveryCode::from_entropy(&entropy);
        assert_eq!(*code.words(), words);
        assert_eq!(words.parse::<RecoveryCode>().unwrap().entropy(), &entropy);
    }
}

#[test]
fn case_and_white_space_do_not_matter() {
    let words = code().words();
    let shouted = words.to_uppercase();
    let spread = format!("\n  {}\t\r\n", words.replace(' ', " \n\u{2003} "));
    assert_eq!(shouted.parse(), Ok(code()));
    assert_eq!(spread.parse(), Ok(code()));
}

#[test]
fn says_what_is_wrong() {
    let words = code().words();
    let list: Vec<&str> = words.split(' ').collect();
    let parse = |words: &[&str]| words.join(" ").parse::<RecoveryCode>();
    assert_eq!(
        "".parse::<RecoveryCode>(),
        Err(RecoveryCodeError::WrongCount(0))
    );
    assert_eq!(parse(&list[..23]), Err(RecoveryCodeError::WrongCount(23)));
    assert_eq!(
        parse(&[&list[..], &["legal"]].concat()),
        Err(RecoveryCodeError::WrongCount(25))
    );
    let mut misspelt = list.clone();
    misspelt[6] = "wrth";
    assert_eq!(parse(&misspelt), Err(RecoveryCodeError::UnknownWord(7)));
    misspelt[6] = "wörth";
    assert_eq!(parse(&misspelt), Err(RecoveryCodeError::UnknownWord(7)));
    let mut swapped = list.clone();
    swapped.swap(0, 1);
    assert_eq!(parse(&swapped), Err(RecoveryCodeError::WrongChecksum));
}

#[test]
fn one_code_gives_keys_that_have_nothing_in_common() {
    let code = code();
    let signing = code.signing_key();
    let vault = code.vault_key();
    let mut seen = HashSet::new();
    assert!(seen.insert(*code.entropy().expose()));
    assert!(seen.insert(*signing.seed().expose()));
    assert!(seen.insert(*vault.seed().expose()));
    assert_ne!(code.vault_address(), [0; 16]);
    let again: RecoveryCode = code.words().parse().unwrap();
    assert_eq!(again.signing_key().public(), signing.public());
    assert_eq!(again.vault_key().public(), vault.public());
    assert_eq!(again.vault_address(), code.vault_address());
}

#[test]
fn prints_as_redacted() {
    assert_eq!(format!("{:?}", code()), "RecoveryCode(redacted)");
    let error = "legal winner".parse::<RecoveryCode>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("legal"));
}

#[test]
fn a_fresh_code_takes_its_account_back() {
    let alice = alice();
    let written = alice.recovery.words();
    let read: RecoveryCode = written.parse().unwrap();
    let chain = alice
        .chain
        .rotated(&read.signing_key(), &key(101), &list(10, 1))
        .unwrap();
    assert_eq!(sent(&chain).account_key(), key(101).public());
}
