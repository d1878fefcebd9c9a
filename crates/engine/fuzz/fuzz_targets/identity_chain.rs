//! An identity chain: refused, or whole and the same after another trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::AccountId;
use sotto_engine::identity::{Relation, UnverifiedChain};

/// The account of the genuine chain in the corpus: others are refused before their signatures.
const ACCOUNT: [u8; 32] = [
    0x5f, 0xad, 0x79, 0xb2, 0xae, 0xc4, 0xed, 0x08, 0x94, 0xac, 0x70, 0xad, 0x25, 0x3a, 0x32, 0x5b,
    0x3f, 0x7b, 0x02, 0x17, 0xa8, 0x1f, 0x48, 0x3d, 0x3f, 0xe5, 0xe6, 0x92, 0xb6, 0x87, 0xd5, 0xce,
];

fuzz_target!(|bytes: &[u8]| {
    let account = AccountId(ACCOUNT);
    if let Ok(chain) = UnverifiedChain::decode(bytes)
        && let Ok(chain) = chain.verify(&account)
    {
        let again = UnverifiedChain::decode(&chain.encoded())
            .and_then(|chain| chain.verify(&account))
            .expect("what was verified is sent as it can be verified");
        assert_eq!(again.compare(&chain), Relation::Same);
        assert_eq!(again.device_list(), chain.device_list());
    }
});
