//! An MLS credential: refused, or the same bytes with the same account.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto_engine::identity::UnverifiedCredential;
use sotto_suite::{Secret, SigningKey};

fuzz_target!(|bytes: &[u8]| {
    // The device of the genuine credential in the corpus.
    let device = SigningKey::from_seed(&Secret::new([21; 32])).public();
    if let Ok(credential) = UnverifiedCredential::decode(bytes)
        && let Ok(credential) = credential.verify(&device)
    {
        assert_eq!(credential.encoded(), bytes);
        assert_eq!(credential.device(), device);
        assert!(credential.is_successor_of(&credential));
        assert!(!credential.contradicts(&credential));
    }
});
