//! A profile's database key, read as its file says and not through the program: what the key file
//! promises (Argon2id, ChaCha20-Poly1305, what is authenticated) is checked on the way.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use rusqlite::Connection;
use serde_json::Value;
use sotto_suite::aead::AeadKey;
use sotto_suite::kdf;
use sotto_suite::secret::Secret;
use sotto_tests::PASSPHRASE;

fn number(file: &Value, name: &str) -> u32 {
    file[name].as_u64().unwrap().try_into().unwrap()
}

fn bytes(file: &Value, name: &str) -> Vec<u8> {
    hex::decode(file[name].as_str().unwrap()).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Opens the database of the profile in `folder` with the key that its key file holds.
pub(super) fn open_database(folder: &Path) -> Connection {
    let file = json(&folder.join("profile-key.json"));
    let id = json(&folder.join("profile.json"))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(file["kdf"], "argon2id");
    let cost = ["memory_kib", "passes", "lanes"].map(|name| number(&file, name));
    let [memory, passes, lanes] = cost;
    assert!(
        memory >= 64 * 1024 && passes >= 3,
        "a guess has to cost something"
    );
    let salt = bytes(&file, "salt");

    let params = Params::new(memory, passes, lanes, Some(32)).unwrap();
    let mut stretched = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &salt, &mut stretched)
        .unwrap();
    let wrapping = kdf::derive(&Secret::new(stretched), "database key wrap", &[]);

    let mut about = b"sotto key file".to_vec();
    for number in [number(&file, "version"), memory, passes, lanes] {
        about.extend_from_slice(&number.to_be_bytes());
    }
    about.extend_from_slice(&salt);
    about.extend_from_slice(id.as_bytes());
    let nonce = bytes(&file, "nonce").try_into().unwrap();
    let key = AeadKey::new(&wrapping)
        .open(nonce, &about, &bytes(&file, "sealed"))
        .unwrap();

    let database = Connection::open(folder.join("profile.db")).unwrap();
    let pragma = format!("PRAGMA key = \"x'{}'\"", hex::encode(&*key));
    database.execute_batch(&pragma).unwrap();
    database
}
