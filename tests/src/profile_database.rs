//! A profile's database, opened as its key file says and not through the program: what the key file
//! promises (Argon2id, ChaCha20-Poly1305, what is authenticated) is checked on the way.

use std::path::Path;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use rusqlite::Connection;
use serde_json::Value;
use sotto_suite::aead::AeadKey;
use sotto_suite::kdf;
use sotto_suite::secret::Secret;

use crate::{Failure, PASSPHRASE, text};

/// For as long another one may hold it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the database of the profile in `folder`, which was made with [`PASSPHRASE`]. The profile
/// may be open in its program meanwhile.
///
/// # Errors
/// A file is not what it should be.
pub fn open_database(folder: &Path) -> Result<Connection, Failure> {
    let file = json(&folder.join("profile-key.json"))?;
    let profile = json(&folder.join("profile.json"))?;
    let database = Connection::open(folder.join("profile.db"))?;
    database.busy_timeout(PATIENCE)?;
    let key = key(&file, text(&profile, "/id"))
        .ok_or_else(|| Failure::Broken(format!("{} holds no key for us", folder.display())))?;
    database.execute_batch(&format!("PRAGMA key = \"x'{}'\"", hex::encode(key)))?;
    Ok(database)
}

fn json(path: &Path) -> Result<Value, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::Broken(format!("{}: {error}", path.display())))
}

/// None: the file is not as promised.
fn key(file: &Value, profile: &str) -> Option<Vec<u8>> {
    let number = |name: &str| u32::try_from(file.get(name)?.as_u64()?).ok();
    let bytes = |name: &str| hex::decode(file.get(name)?.as_str()?).ok();
    let (memory, passes, lanes) = (number("memory_kib")?, number("passes")?, number("lanes")?);
    let salt = bytes("salt")?;
    // A guess has to cost something.
    if text(file, "/kdf") != "argon2id" || memory < 64 * 1024 || passes < 3 {
        return None;
    }
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut stretched = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSPHRASE.as_bytes(), &salt, &mut stretched)
        .ok()?;
    let wrapping = kdf::derive(&Secret::new(stretched), "database key wrap", &[]);

    let mut about = b"sotto key file".to_vec();
    for number in [number("version")?, memory, passes, lanes] {
        about.extend_from_slice(&number.to_be_bytes());
    }
    about.extend_from_slice(&salt);
    about.extend_from_slice(profile.as_bytes());
    let nonce = bytes("nonce")?.try_into().ok()?;
    let opened = AeadKey::new(&wrapping).open(nonce, &about, &bytes("sealed")?);
    Some(opened.ok()?.to_vec())
}
