//! The key file: the database key, wrapped by a passphrase.
//!
//! JSON, so that a person can see what it is: version, the cost of a guess, a salt, and the key
//! sealed with ChaCha20-Poly1305 under the stretched passphrase. Version, cost, salt and the
//! profile's id are authenticated with it. A checksum over all of that tells damage from a wrong
//! passphrase; it protects nothing, and whoever fits it to a changed file only gets "wrong
//! passphrase".

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sotto_suite::aead::AeadKey;
use sotto_suite::hash::sha256;
use sotto_suite::{RandomExt as _, Secret, SystemRandom, kdf};

use super::KeyError;
use super::passphrase::{Cost, Passphrase};
use crate::files;

/// Name in the profile's folder.
const NAME: &str = "profile-key.json";
/// Version written; older ones are none yet.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    nonce: String,
    sealed: String,
    checksum: String,
}

/// Every version of the file says this much.
#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

/// Wraps `key` and writes the file, off the task.
pub(super) async fn write(
    folder: PathBuf,
    id: String,
    key: Secret<32>,
    passphrase: Passphrase,
) -> Result<(), KeyError> {
    blocking(move || {
        let file = KeyFile::seal(&id, &key, &passphrase, Cost::NEW)?;
        let mut bytes = serde_json::to_vec_pretty(&file)
            .map_err(|error| KeyError::System(error.to_string()))?;
        bytes.push(b'\n');
        files::write_atomically(&folder.join(NAME), &bytes).map_err(KeyError::Write)
    })
    .await
}

/// Reads the file and unwraps the key, off the task.
pub(super) async fn read(
    folder: PathBuf,
    id: String,
    passphrase: Passphrase,
) -> Result<Secret<32>, KeyError> {
    blocking(move || load(&folder)?.open(&id, &passphrase)).await
}

fn load(folder: &Path) -> Result<KeyFile, KeyError> {
    let damaged = |why: String| KeyError::KeyFileDamaged(why);
    let bytes =
        files::read_small(&folder.join(NAME)).map_err(|error| damaged(error.to_string()))?;
    let any: AnyVersion =
        serde_json::from_slice(&bytes).map_err(|_| damaged("not a key file".into()))?;
    if any.version > VERSION {
        return Err(KeyError::KeyFileNewer(any.version));
    }
    serde_json::from_slice(&bytes).map_err(|_| damaged("not a key file".into()))
}

impl KeyFile {
    fn seal(
        id: &str,
        key: &Secret<32>,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Self, KeyError> {
        let mut random = SystemRandom::new();
        let (salt, nonce) = (random.bytes::<16>(), random.bytes::<12>());
        let about = about(id, VERSION, cost, &salt);
        let sealed = wrapping_key(passphrase, cost, &salt)?.seal(nonce, &about, key.expose());
        let checksum = checksum(&about, &nonce, &sealed);
        Ok(Self {
            version: VERSION,
            kdf: "argon2id".into(),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: hex::encode(salt),
            nonce: hex::encode(nonce),
            sealed: hex::encode(sealed),
            checksum,
        })
    }

    fn open(&self, id: &str, passphrase: &Passphrase) -> Result<Secret<32>, KeyError> {
        let damaged = |what: &str| KeyError::KeyFileDamaged(what.into());
        let cost = Cost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        };
        let (mut salt, mut nonce, mut sealed) = ([0; 16], [0; 12], [0; 48]);
        hex::decode_to_slice(&self.salt, &mut salt).map_err(|_| damaged("salt"))?;
        hex::decode_to_slice(&self.nonce, &mut nonce).map_err(|_| damaged("nonce"))?;
        hex::decode_to_slice(&self.sealed, &mut sealed).map_err(|_| damaged("key"))?;
        let about = about(id, self.version, cost, &salt);
        if checksum(&about, &nonce, &sealed) != self.checksum {
            return Err(damaged("it was changed, or belongs to another profile"));
        }
        if self.kdf != "argon2id" || !cost.is_sane() {
            return Err(damaged("parameters out of range"));
        }
        let key = wrapping_key(passphrase, cost, &salt)?
            .open(nonce, &about, &sealed)
            .map_err(|_| KeyError::WrongPassphrase)?;
        Secret::from_slice(&key).map_err(|_| damaged("key"))
    }
}

fn wrapping_key(passphrase: &Passphrase, cost: Cost, salt: &[u8; 16]) -> Result<AeadKey, KeyError> {
    let stretched = passphrase.stretch(cost, salt)?;
    Ok(AeadKey::new(&kdf::derive(
        &stretched,
        "database key wrap",
        &[],
    )))
}

/// What the seal is bound to.
fn about(id: &str, version: u32, cost: Cost, salt: &[u8; 16]) -> Vec<u8> {
    let mut out = b"sotto key file".to_vec();
    for number in [version, cost.memory_kib, cost.passes, cost.lanes] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(salt);
    out.extend_from_slice(id.as_bytes());
    out
}

fn checksum(about: &[u8], nonce: &[u8], sealed: &[u8]) -> String {
    let mut hash = hex::encode(sha256(&[about, nonce, sealed]));
    hash.truncate(16);
    hash
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| KeyError::System(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory_kib: 8 * 1024,
        passes: 1,
        lanes: 1,
    };

    fn sealed() -> (Secret<32>, KeyFile) {
        let key = Secret::new([9; 32]);
        let file = KeyFile::seal("id", &key, &"correct horse".into(), CHEAP).unwrap();
        (key, file)
    }

    #[test]
    fn the_right_passphrase_gives_the_key_back() {
        let (key, file) = sealed();
        assert_eq!(file.open("id", &"correct horse".into()).unwrap(), key);
    }

    #[test]
    fn the_wrong_passphrase_is_called_that() {
        let (_, file) = sealed();
        let error = file.open("id", &"battery staple".into()).unwrap_err();
        assert!(matches!(error, KeyError::WrongPassphrase), "{error:?}");
    }

    #[test]
    fn every_change_is_noticed() {
        let (_, good) = sealed();
        let good = serde_json::to_value(&good).unwrap();
        let flip = |text: &str| {
            format!(
                "{}{}",
                if text.starts_with('0') { '1' } else { '0' },
                &text[1..]
            )
        };
        let mut changes = 0;
        for (name, value) in good.as_object().unwrap() {
            let mut bad = good.clone();
            bad[name] = match value {
                serde_json::Value::String(text) => flip(text).into(),
                _ if name == "version" => continue,
                number => (number.as_u64().unwrap() + 1).into(),
            };
            let bad: KeyFile = serde_json::from_value(bad).unwrap();
            let error = bad.open("id", &"correct horse".into()).unwrap_err();
            assert!(
                matches!(error, KeyError::KeyFileDamaged(_)),
                "{name}: {error:?}"
            );
            changes += 1;
        }
        assert_eq!(changes, 8);
    }

    #[test]
    fn a_file_of_another_profile_is_refused() {
        let (_, file) = sealed();
        let error = file.open("other", &"correct horse".into()).unwrap_err();
        assert!(matches!(error, KeyError::KeyFileDamaged(_)));
    }

    #[test]
    fn a_fitting_checksum_does_not_make_a_changed_cost_good() {
        let (_, mut file) = sealed();
        for memory_kib in [0, 16 * 1024 * 1024] {
            file.memory_kib = memory_kib;
            let cost = Cost {
                memory_kib,
                ..CHEAP
            };
            let mut salt = [0; 16];
            hex::decode_to_slice(&file.salt, &mut salt).unwrap();
            let (nonce, sealed) = (
                hex::decode(&file.nonce).unwrap(),
                hex::decode(&file.sealed).unwrap(),
            );
            file.checksum = checksum(&about("id", 1, cost, &salt), &nonce, &sealed);
            let error = file.open("id", &"correct horse".into()).unwrap_err();
            assert!(matches!(error, KeyError::KeyFileDamaged(_)), "{error:?}");
        }
    }

    #[test]
    fn a_newer_file_is_named_as_such_and_rubbish_as_damaged() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), r#"{"version":2,"what":"ever"}"#).unwrap();
        assert!(matches!(
            load(folder.path()),
            Err(KeyError::KeyFileNewer(2))
        ));
        std::fs::write(folder.path().join(NAME), "rubbish").unwrap();
        assert!(matches!(
            load(folder.path()),
            Err(KeyError::KeyFileDamaged(_))
        ));
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        assert!(matches!(
            load(folder.path()),
            Err(KeyError::KeyFileDamaged(_))
        ));
    }
}
