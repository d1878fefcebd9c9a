//! At least 200 small worlds, in slices that a test runner can spread over its cores.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop at the first surprise"
)]

mod support;

use support::{fingerprint, holds};

macro_rules! slices {
    ($($name:ident: $from:literal,)+) => {
        $(
            #[test]
            fn $name() {
                holds(concat!("--small --worlds 25 --from ", $from));
            }
        )+
    };
}

slices! {
    worlds_1000_to_1024: 1000,
    worlds_1025_to_1049: 1025,
    worlds_1050_to_1074: 1050,
    worlds_1075_to_1099: 1075,
    worlds_1100_to_1124: 1100,
    worlds_1125_to_1149: 1125,
    worlds_1150_to_1174: 1150,
    worlds_1175_to_1199: 1175,
}

#[test]
fn a_large_world_holds() {
    holds("--seed 1009 --steps 400");
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let first = fingerprint(&holds("--small --worlds 4 --from 2000"));
    let again = fingerprint(&holds("--small --worlds 4 --from 2000"));
    assert_eq!(first, again);
    // Alone it is what it was among others.
    let alone = fingerprint(&holds("--small --seed 2003"));
    assert_ne!(first, alone);
    assert_eq!(alone, fingerprint(&holds("--small --seed 2003")));
}
