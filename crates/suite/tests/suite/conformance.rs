//! One set of checks for every provider: what mls-rs's own provider tests ask
//! of an implementation, here also of ours. (mls-rs publishes those tests
//! without their data, so they can't be run from the registry.) The standard
//! suite runs beside ours as proof that the checks themselves are right.

use mls_rs::mls_rs_codec::{MlsEncode as _, byte_vec};
use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use mls_rs_core::crypto::{
    HpkeCiphertext, HpkeContextR as _, HpkeContextS as _, HpkePsk, HpkePublicKey, HpkeSecretKey,
    SignaturePublicKey,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use serde::Deserialize;
use sotto_suite::provider::{SUITE, SottoCrypto, SuiteError};

use crate::vectors;

const SIZES: [usize; 5] = [0, 1, 16, 123, 2000];
/// The standard provider takes no empty plain text; ours does, and has a test of its own.
const PLAIN_SIZES: [usize; 4] = [1, 16, 123, 2000];

fn ours() -> impl CipherSuiteProvider<Error = SuiteError> {
    SottoCrypto::new().suite()
}

fn standard(suite: CipherSuite) -> impl CipherSuiteProvider {
    RustCryptoProvider::new()
        .cipher_suite_provider(suite)
        .unwrap()
}

/// Runs a check on our suite and on the two standard ones with our hash and signature.
macro_rules! on_every_suite {
    ($($name:ident: $check:ident;)*) => {$(
        #[test]
        fn $name() {
            $check(&ours());
            $check(&standard(CipherSuite::CURVE25519_CHACHA));
            $check(&standard(CipherSuite::CURVE25519_AES128));
        }
    )*};
}

on_every_suite! {
    records_open_where_they_were_sealed: records;
    hpke_opens_with_and_without_a_pre_shared_key: hpke;
    hpke_contexts_agree: hpke_contexts;
    key_pairs_are_derived_and_checked: key_pairs;
    signatures_verify: signatures;
    randomness_differs: randomness;
}

fn optional(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn records(suite: &impl CipherSuiteProvider) {
    for plain_len in PLAIN_SIZES {
        for aad_len in SIZES {
            let key = suite.random_bytes_vec(suite.aead_key_size()).unwrap();
            let nonce = suite.random_bytes_vec(suite.aead_nonce_size()).unwrap();
            let plain = suite.random_bytes_vec(plain_len).unwrap();
            let aad = suite.random_bytes_vec(aad_len).unwrap();
            let sealed = suite
                .aead_seal(&key, &plain, optional(&aad), &nonce)
                .unwrap();
            let open = |key: &[u8], aad: &[u8], nonce: &[u8]| {
                suite.aead_open(key, &sealed, optional(aad), nonce).ok()
            };
            assert_eq!(*open(&key, &aad, &nonce).unwrap(), plain);
            assert!(open(&suite.random_bytes_vec(key.len()).unwrap(), &aad, &nonce).is_none());
            assert!(open(&key, &[&aad[..], b"x"].concat(), &nonce).is_none());
            assert!(open(&key, &aad, &suite.random_bytes_vec(nonce.len()).unwrap()).is_none());
        }
    }
    // No associated data and empty associated data are the same.
    let (key, nonce) = (vec![1; suite.aead_key_size()], vec![2; 12]);
    let sealed = suite.aead_seal(&key, b"text", None, &nonce).unwrap();
    assert!(suite.aead_open(&key, &sealed, Some(b""), &nonce).is_ok());
    for len in [0, suite.aead_key_size() - 1, suite.aead_key_size() + 1] {
        assert!(suite.aead_seal(&vec![1; len], b"", None, &nonce).is_err());
        assert!(
            suite
                .aead_open(&vec![1; len], &sealed, None, &nonce)
                .is_err()
        );
    }
}

fn hpke(suite: &impl CipherSuiteProvider) {
    let (secret, public) = suite.kem_generate().unwrap();
    let (other, other_public) = suite.kem_generate().unwrap();
    for plain_len in PLAIN_SIZES {
        for info_len in SIZES {
            let plain = suite.random_bytes_vec(plain_len).unwrap();
            let info = suite.random_bytes_vec(info_len).unwrap();
            let aad = suite.random_bytes_vec(info_len).unwrap();
            let aad = optional(&aad);
            let sealed = suite.hpke_seal(&public, &info, aad, &plain).unwrap();
            let opened = suite.hpke_open(&sealed, &secret, &public, &info, aad);
            assert_eq!(*opened.unwrap(), plain);
            assert!(
                suite
                    .hpke_open(&sealed, &other, &other_public, &info, aad)
                    .is_err()
            );

            let psk = HpkePsk::new(b"id", &[7; 32]);
            let sealed = suite
                .hpke_seal_psk(&public, &info, aad, &plain, psk.clone())
                .unwrap();
            let open = |psk| suite.hpke_open_psk(&sealed, &secret, &public, &info, aad, psk);
            assert_eq!(*open(psk).unwrap(), plain);
            assert!(open(HpkePsk::new(b"id", &[8; 32])).is_err());
            assert!(open(HpkePsk::new(b"no", &[7; 32])).is_err());
            assert!(
                suite
                    .hpke_open(&sealed, &secret, &public, &info, aad)
                    .is_err()
            );
        }
    }
    let weak = HpkePsk::new(b"id", &[7; 31]);
    assert!(suite.hpke_seal_psk(&public, b"", None, b"", weak).is_err());
}

fn hpke_contexts(suite: &impl CipherSuiteProvider) {
    let (secret, public) = suite.kem_generate().unwrap();
    for info_len in SIZES {
        let info = suite.random_bytes_vec(info_len).unwrap();
        let (enc, mut sender) = suite.hpke_setup_s(&public, &info).unwrap();
        let mut receiver = suite.hpke_setup_r(&enc, &secret, &public, &info).unwrap();
        for plain_len in PLAIN_SIZES {
            let plain = suite.random_bytes_vec(plain_len).unwrap();
            let sealed = sender.seal(optional(&info), &plain).unwrap();
            let opened = receiver.open(optional(&info), &sealed).unwrap();
            assert_eq!(*opened, plain);
            let sent = sender.export(&plain, 123).unwrap();
            assert_eq!(sent, receiver.export(&plain, 123).unwrap());
        }
        // The first message of a context is what the single shot gives.
        let (kem_output, mut sender) = suite.hpke_setup_s(&public, &info).unwrap();
        let ciphertext = sender.seal(None, b"text").unwrap();
        let sealed = HpkeCiphertext {
            kem_output,
            ciphertext,
        };
        let opened = suite.hpke_open(&sealed, &secret, &public, &info, None);
        assert_eq!(*opened.unwrap(), b"text");
    }
}

fn key_pairs(suite: &impl CipherSuiteProvider) {
    let (secret, public) = suite.kem_derive(&[5; 32]).unwrap();
    let again: (HpkeSecretKey, HpkePublicKey) = suite.kem_derive(&[5; 32]).unwrap();
    assert_eq!((&secret, &public), (&again.0, &again.1));
    let (other, _) = suite.kem_derive(&[6; 32]).unwrap();
    assert_ne!(secret, other);
    suite.kem_public_key_validate(&public).unwrap();
    for bad in [vec![], public[1..].to_vec(), [&public[..], b"x"].concat()] {
        assert!(suite.kem_public_key_validate(&bad.clone().into()).is_err());
        assert!(suite.hpke_seal(&bad.into(), b"", None, b"").is_err());
    }
}

fn signatures(suite: &impl CipherSuiteProvider) {
    let (secret, public) = suite.signature_key_generate().unwrap();
    assert_eq!(suite.signature_key_derive_public(&secret).unwrap(), public);
    let (_, other) = suite.signature_key_generate().unwrap();
    for len in SIZES {
        let data = suite.random_bytes_vec(len).unwrap();
        let signature = suite.sign(&secret, &data).unwrap();
        suite.verify(&public, &signature, &data).unwrap();
        assert!(suite.verify(&other, &signature, &data).is_err());
        assert!(suite.verify(&public, &signature[1..], &data).is_err());
        let data = [&data[..], b"x"].concat();
        assert!(suite.verify(&public, &signature, &data).is_err());
        let short = SignaturePublicKey::new_slice(&public[1..]);
        assert!(suite.verify(&short, &signature, &data).is_err());
    }
}

fn randomness(suite: &impl CipherSuiteProvider) {
    let (a, b) = (suite.random_bytes_vec(32), suite.random_bytes_vec(32));
    assert_ne!(a.unwrap(), b.unwrap());
}

/// RFC 9420 section 8: what MLS builds on hash, KDF and signature.
#[derive(Deserialize)]
struct Basics {
    cipher_suite: u16,
    ref_hash: RefHash,
    expand_with_label: Expand,
    derive_secret: Derive,
    derive_tree_secret: DeriveTree,
    sign_with_label: Sign,
    encrypt_with_label: Encrypt,
}

macro_rules! hex_struct {
    ($name:ident { $($field:ident),* } $($plain:ident: $type:ty),*) => {
        #[derive(Deserialize)]
        struct $name {
            label: String,
            $(#[serde(with = "hex::serde")] $field: Vec<u8>,)*
            $($plain: $type,)*
        }
    };
}

hex_struct!(RefHash { out, value });
hex_struct!(Expand { secret, context, out } length: u16);
hex_struct!(Derive { secret, out });
hex_struct!(DeriveTree { secret, out } generation: u32, length: u16);
hex_struct!(Sign {
    r#priv,
    r#pub,
    content,
    signature
});
hex_struct!(Encrypt {
    r#priv,
    r#pub,
    context,
    plaintext,
    kem_output,
    ciphertext
});

/// `opaque bytes<V>` as RFC 9420 encodes it.
fn opaque(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    byte_vec::mls_encode(&bytes, &mut out).unwrap();
    out
}

fn labelled(label: &str, context: &[u8]) -> Vec<u8> {
    [
        opaque(format!("MLS 1.0 {label}").as_bytes()),
        opaque(context),
    ]
    .concat()
}

fn expand(
    suite: &impl CipherSuiteProvider,
    secret: &[u8],
    label: &str,
    context: &[u8],
    length: u16,
) -> Vec<u8> {
    let info = [
        length.mls_encode_to_vec().unwrap(),
        labelled(label, context),
    ]
    .concat();
    let out = suite.kdf_expand(secret, &info, length.into());
    out.unwrap().to_vec()
}

/// Everything but the KEM and the record cipher.
fn shared_basics(suite: &impl CipherSuiteProvider, vector: &Basics, secret: &[u8]) {
    let case = &vector.ref_hash;
    let input = [opaque(case.label.as_bytes()), opaque(&case.value)].concat();
    assert_eq!(suite.hash(&input).unwrap(), case.out);

    let case = &vector.expand_with_label;
    let out = expand(suite, &case.secret, &case.label, &case.context, case.length);
    assert_eq!(out, case.out);

    let case = &vector.derive_secret;
    let length = u16::try_from(suite.kdf_extract_size()).unwrap();
    let out = expand(suite, &case.secret, &case.label, b"", length);
    assert_eq!(out, case.out);

    let case = &vector.derive_tree_secret;
    let generation = case.generation.to_be_bytes();
    let out = expand(suite, &case.secret, &case.label, &generation, case.length);
    assert_eq!(out, case.out);

    let case = &vector.sign_with_label;
    let content = labelled(&case.label, &case.content);
    let public = case.r#pub.clone().into();
    suite.verify(&public, &case.signature, &content).unwrap();
    let secret = secret.to_vec().into();
    assert_eq!(suite.sign(&secret, &content).unwrap(), case.signature);
}

#[test]
fn crypto_basics_match_rfc_9420() {
    for vector in vectors::<Basics>(include_str!("../vectors/mls-crypto-basics.json")) {
        let case = &vector.sign_with_label;
        shared_basics(&ours(), &vector, &case.r#priv);
        // The standard provider keeps seed and public key together.
        let both = [&case.r#priv[..], &case.r#pub].concat();
        let standard = standard(vector.cipher_suite.into());
        shared_basics(&standard, &vector, &both);

        let case = &vector.encrypt_with_label;
        let sealed = HpkeCiphertext {
            kem_output: case.kem_output.clone(),
            ciphertext: case.ciphertext.clone(),
        };
        let opened = standard.hpke_open(
            &sealed,
            &case.r#priv.clone().into(),
            &case.r#pub.clone().into(),
            &labelled(&case.label, &case.context),
            None,
        );
        assert_eq!(*opened.unwrap(), case.plaintext);
    }
}

/// The rest of what both compute alike, on random input.
#[test]
fn hash_mac_and_kdf_agree_with_the_standard_suite() {
    let (ours, standard) = (ours(), standard(CipherSuite::CURVE25519_CHACHA));
    assert_eq!(ours.kdf_extract_size(), standard.kdf_extract_size());
    for len in SIZES {
        for key_len in [1, 32, 64, 65, 200] {
            let data = ours.random_bytes_vec(len).unwrap();
            let key = ours.random_bytes_vec(key_len).unwrap();
            assert_eq!(ours.hash(&data).unwrap(), standard.hash(&data).unwrap());
            assert_eq!(
                ours.mac(&key, &data).unwrap(),
                standard.mac(&key, &data).unwrap()
            );
            if data.is_empty() {
                continue; // the standard provider extracts from no empty input
            }
            let prk = ours.kdf_extract(&key, &data).unwrap();
            assert_eq!(prk, standard.kdf_extract(&key, &data).unwrap());
            let okm = ours.kdf_expand(&prk, &data, len).unwrap();
            assert_eq!(okm, standard.kdf_expand(&prk, &data, len).unwrap());
        }
    }
    assert_eq!(ours.kdf_expand(&[1; 32], b"", 8160).unwrap().len(), 8160);
    assert!(ours.kdf_expand(&[1; 32], b"", 8161).is_err());
    assert!(ours.kdf_expand(&[1; 32], b"", usize::MAX).is_err());
}

#[test]
fn an_empty_record_is_a_record() {
    let suite = ours();
    let sealed = suite.aead_seal(&[1; 32], b"", None, &[2; 12]).unwrap();
    let opened = suite.aead_open(&[1; 32], &sealed, None, &[2; 12]);
    assert!(opened.unwrap().is_empty());
    let (secret, public) = suite.kem_generate().unwrap();
    let sealed = suite.hpke_seal(&public, b"", None, b"").unwrap();
    let opened = suite.hpke_open(&sealed, &secret, &public, b"", None);
    assert!(opened.unwrap().is_empty());
}

#[test]
fn our_sizes_and_number_are_the_documented_ones() {
    let suite = ours();
    assert_eq!(u16::from(suite.cipher_suite()), 0xF0F1);
    assert_eq!(SottoCrypto::new().supported_cipher_suites(), [SUITE]);
    assert!(
        SottoCrypto::new()
            .cipher_suite_provider(CipherSuite::CURVE25519_CHACHA)
            .is_none()
    );
    assert_eq!((suite.aead_key_size(), suite.aead_nonce_size()), (32, 12));
    let (secret, public) = suite.kem_generate().unwrap();
    assert_eq!((secret.len(), public.len()), (32, 1216));
    let (secret, public) = suite.signature_key_generate().unwrap();
    assert_eq!((secret.len(), public.len()), (32, 32));
}
