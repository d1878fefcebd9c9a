//! What the suite costs, beside its peers in the same run: one JSON line a figure.
//!
//! Ours and the peer take turns, batch by batch, so that both see the same
//! machine. A figure is the second fastest of its batches: what the work takes
//! when nothing else is in the way. The ratio is ours to the peer's.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::time::Instant;

use mls_rs::client_builder::MlsConfig;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::{CipherSuite, CipherSuiteProvider, Client, CryptoProvider, Group, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use serde_json::json;
use sotto_suite::aead::AeadKey;
use sotto_suite::provider::{SUITE, SottoCrypto};
use sotto_suite::{FernetKey, RandomExt as _, Secret, SystemRandom, record};

/// Batches of each side: many and short, so that some run undisturbed.
const BATCHES: usize = 300;

fn main() {
    for len in [100, 1000] {
        records(len);
    }
    for len in [100, 1000] {
        messages(len);
    }
    hpke();
}

/// Runs both sides in turn; each call does one batch and says how many
/// operations it did. Gives microseconds an operation.
fn in_turn(mut ours: impl FnMut() -> usize, mut peer: impl FnMut() -> usize) -> (f64, f64) {
    let (mut our_times, mut peer_times) = (vec![], vec![]);
    for batch in 0..=BATCHES {
        for (times, run) in [
            (&mut our_times, &mut ours as &mut dyn FnMut() -> usize),
            (&mut peer_times, &mut peer),
        ] {
            let start = Instant::now();
            let operations = run();
            let micros = start.elapsed().as_secs_f64() * 1e6 / operations as f64;
            // The first batch warms caches up.
            if batch > 0 {
                times.push(micros);
            }
        }
    }
    (undisturbed(our_times), undisturbed(peer_times))
}

fn undisturbed(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[1]
}

fn figure(name: &str, peer: &str, (ours, theirs): (f64, f64)) {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    let line = json!({
        "name": name,
        "value": round(ours),
        "unit": "µs",
        "peer": format!("{peer} {}", round(theirs)),
        "ratio": round(ours / theirs),
    });
    println!("{line}");
}

/// One record: key derivation and token, beside a bare cipher under a fresh
/// key and beside Fernet without the derivation.
fn records(len: usize) {
    const TIMES: usize = 100;
    let mut random = SystemRandom::new();
    let (key, nonce): (Secret<32>, [u8; 12]) = (random.secret(), random.bytes());
    let plain = vec![0x61; len];
    // MLS's associated data: group, epoch, content type, authenticated data.
    let aad = [1; 48];
    let repeat = |operation: &mut dyn FnMut()| {
        for _ in 0..TIMES {
            operation();
        }
        TIMES
    };

    let ring = "ring ChaCha20-Poly1305";
    let fernet = "fernet crate alone";
    let alone = fernet::Fernet::new(&FernetKey::new(key.clone()).to_base64()).unwrap();
    let token = record::seal(&key, &nonce, &aad, &plain);
    let sealed = AeadKey::new(&key).seal(nonce, &aad, &plain);
    let bare = alone.encrypt(&plain);

    let mut seal = || {
        black_box(record::seal(&key, &nonce, &aad, black_box(&plain)));
    };
    let mut open = || {
        black_box(record::open(&key, &nonce, &aad, black_box(&token)).unwrap());
    };
    let name = format!("record seal {len} B");
    let chacha = || {
        repeat(&mut || {
            black_box(AeadKey::new(&key).seal(nonce, &aad, black_box(&plain)));
        })
    };
    figure(&name, ring, in_turn(|| repeat(&mut seal), chacha));
    let crate_alone = || {
        repeat(&mut || {
            black_box(alone.encrypt(black_box(&plain)));
        })
    };
    figure(&name, fernet, in_turn(|| repeat(&mut seal), crate_alone));

    let name = format!("record open {len} B");
    let chacha = || {
        repeat(&mut || {
            let opened = AeadKey::new(&key).open(nonce, &aad, black_box(&sealed));
            black_box(opened.unwrap());
        })
    };
    figure(&name, ring, in_turn(|| repeat(&mut open), chacha));
    let crate_alone = || {
        repeat(&mut || {
            black_box(alone.decrypt(black_box(&bare)).unwrap());
        })
    };
    figure(&name, fernet, in_turn(|| repeat(&mut open), crate_alone));
}

/// A whole MLS message between two members, without storage.
fn messages(len: usize) {
    let standard = [
        ("mls-rs X25519 ChaCha20", CipherSuite::CURVE25519_CHACHA),
        ("mls-rs X25519 AES-128", CipherSuite::CURVE25519_AES128),
    ];
    for (peer, suite) in standard {
        let mut ours = pair(SottoCrypto::new(), SUITE);
        let mut theirs = pair(RustCryptoProvider::new(), suite);
        let encrypt = in_turn(|| ours.encrypt(len), || theirs.encrypt(len));
        figure(&format!("MLS message encrypt {len} B"), peer, encrypt);
        // What was encrypted above is read in turn now, batch by batch.
        let process = in_turn(|| ours.process(), || theirs.process());
        figure(&format!("MLS message process {len} B"), peer, process);
    }
    let mut ours = pair(SottoCrypto::new(), SUITE);
    let mut theirs = pair(RustCryptoProvider::new(), CipherSuite::CURVE25519_CHACHA);
    let bytes = (ours.bytes(len), theirs.bytes(len));
    let line = json!({
        "name": format!("MLS message of {len} B on the wire"),
        "value": bytes.0,
        "unit": "B",
        "peer": format!("{} {}", standard[0].0, bytes.1),
        "ratio": (bytes.0 as f64 / bytes.1 as f64 * 1000.0).round() / 1000.0,
    });
    println!("{line}");
}

/// Alice and Bob in one group, and the batches under way between them.
struct Pair<C: MlsConfig> {
    alice: Group<C>,
    bob: Group<C>,
    under_way: std::collections::VecDeque<Vec<MlsMessage>>,
}

/// Messages in a batch; all that a run leaves under way stays below the 1,024
/// generations that a receiver may skip, because it skips none.
const MESSAGES: usize = 10;

fn pair<P: CryptoProvider + Clone>(crypto: P, suite: CipherSuite) -> Pair<impl MlsConfig + use<P>> {
    let bob = client(crypto.clone(), suite, "Bob");
    let mut alice = client(crypto, suite, "Alice")
        .group_builder()
        .unwrap()
        .build()
        .unwrap();
    let package = bob
        .generate_key_package_message(Default::default(), Default::default(), None)
        .unwrap();
    let add = alice.commit_builder().add_member(package).unwrap();
    let commit = add.build().unwrap();
    alice.apply_pending_commit().unwrap();
    let (bob, _) = bob
        .join_group(None, &commit.welcome_messages[0], None)
        .unwrap();
    Pair {
        alice,
        bob,
        under_way: Default::default(),
    }
}
impl<C: MlsConfig> Pair<C> {
    fn encrypt(&mut self, len: usize) -> usize {
        let text = vec![0x61; len];
        let batch = (0..MESSAGES)
            .map(|_| {
                self.alice
                    .encrypt_application_message(&text, vec![])
                    .unwrap()
            })
            .collect();
        self.under_way.push_back(batch);
        MESSAGES
    }

    fn process(&mut self) -> usize {
        for message in self.under_way.pop_front().unwrap() {
            black_box(self.bob.process_incoming_message(message).unwrap());
        }
        MESSAGES
    }

    fn bytes(&mut self, len: usize) -> usize {
        let text = vec![0x61; len];
        let message = self.alice.encrypt_application_message(&text, vec![]);
        message.unwrap().to_bytes().unwrap().len()
    }
}

fn client<P: CryptoProvider + Clone>(
    crypto: P,
    suite: CipherSuite,
    name: &str,
) -> Client<impl MlsConfig + use<P>> {
    let keys = crypto.cipher_suite_provider(suite).unwrap();
    let (secret, public) = keys.signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec());
    let identity = SigningIdentity::new(credential.into_credential(), public);
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(crypto)
        .signing_identity(identity, secret, suite)
        .build()
}

/// Sealing to a public key: what the post-quantum half costs.
fn hpke() {
    const TIMES: usize = 3;
    let ours = SottoCrypto::new().suite();
    let standard = RustCryptoProvider::new()
        .cipher_suite_provider(CipherSuite::CURVE25519_CHACHA)
        .unwrap();
    let peer = "mls-rs X25519 HPKE";
    fn seal<S: CipherSuiteProvider>(suite: &S) -> impl FnMut() -> usize + use<'_, S> {
        let (_, public) = suite.kem_generate().unwrap();
        move || {
            for _ in 0..TIMES {
                black_box(suite.hpke_seal(&public, b"info", None, &[1; 32]).unwrap());
            }
            TIMES
        }
    }
    fn open<S: CipherSuiteProvider>(suite: &S) -> impl FnMut() -> usize + use<'_, S> {
        let (secret, public) = suite.kem_generate().unwrap();
        let sealed = suite.hpke_seal(&public, b"info", None, &[1; 32]).unwrap();
        move || {
            for _ in 0..TIMES {
                let opened = suite.hpke_open(&sealed, &secret, &public, b"info", None);
                black_box(opened.unwrap());
            }
            TIMES
        }
    }
    figure(
        "HPKE seal 32 B",
        peer,
        in_turn(seal(&ours), seal(&standard)),
    );
    figure(
        "HPKE open 32 B",
        peer,
        in_turn(open(&ours), open(&standard)),
    );
}
