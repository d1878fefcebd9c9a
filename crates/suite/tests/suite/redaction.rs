//! What each type shows when it is printed: never a secret.

use sotto_suite::aead::AeadKey;
use sotto_suite::{FernetKey, SealingKey, Secret, SeededRandom, SigningKey, hpke};

/// Bytes whose hexadecimal, decimal and text forms are all easy to search for.
const BYTES: [u8; 32] = [0xab; 32];

fn shows(value: &dyn core::fmt::Debug, expected: &str) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert_eq!(shown, expected);
        for form in ["abab", "ABAB", "171"] {
            assert!(!shown.contains(form));
        }
    }
}

#[test]
fn every_secret_prints_redacted() {
    let secret = Secret::new(BYTES);
    shows(&secret, "Secret<32>(redacted)");
    shows(&Secret::new([0xab; 12]), "Secret<12>(redacted)");
    shows(
        &SigningKey::from_seed(&secret),
        "SigningKey(redacted, PublicKey(248acbdb…))",
    );
    shows(&SealingKey::from_seed(&secret), "SealingKey(redacted)");
    shows(&AeadKey::new(&secret), "AeadKey(redacted)");
    shows(&FernetKey::new(secret.clone()), "FernetKey(redacted)");
    shows(&SeededRandom::new(BYTES), "SeededRandom(redacted)");
    let psk = hpke::Psk {
        id: b"id",
        value: &BYTES,
    };
    shows(&psk, "Psk(redacted)");

    let key = SealingKey::from_seed(&secret);
    let mut random = SeededRandom::new([1; 32]);
    let (enc, sender) =
        hpke::setup_sender(key.public().as_bytes(), b"", None, &mut random).unwrap();
    shows(&sender, "Sender(redacted)");
    let receiver = hpke::setup_receiver(&key, &enc, b"", None).unwrap();
    shows(&receiver, "Receiver(redacted)");
    #[cfg(feature = "mls")]
    shows(&sotto_suite::provider::SottoCrypto::new(), "SottoCrypto");
}

#[test]
fn public_keys_and_signatures_print_short() {
    let key = SigningKey::from_seed(&Secret::new([1; 32]));
    let public = format!("{:?}", key.public());
    assert_eq!(public, "PublicKey(8a88e3dd…)");
    assert_eq!(
        format!("{:?}", key.sign(b"")).len(),
        "Signature(…)".len() + 8
    );
    let public = SealingKey::from_seed(&Secret::new([1; 32])).public();
    assert_eq!(format!("{public:?}").len(), "SealingPublicKey(…)".len() + 8);
}

/// Errors carry no content: what failed to open stays out of every log.
#[test]
fn errors_name_the_rule_and_nothing_else() {
    let key = FernetKey::new(Secret::new(BYTES));
    for token in [&b"secret token"[..], key.seal(b"secret text").as_bytes()] {
        let other = FernetKey::new(Secret::new([1; 32]));
        let error = other.open(token).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
