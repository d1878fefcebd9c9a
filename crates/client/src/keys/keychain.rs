//! The keychain of the operating system: Secret Service, macOS Keychain, Windows Credential Manager.
//!
//! Every call may show a window and wait for a person, so each runs on a thread of its own with a
//! deadline. A call that never comes back holds that thread and nothing else.
//!
//! Nothing is kept between two calls. The keychain is a program that can be restarted, or come up
//! only after this one: whoever keeps a connection to it, or the answer that there is none, fails
//! until the end of its own process.

use std::time::Duration;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
use sotto_suite::Secret;
use tokio::sync::oneshot;
#[cfg(windows)]
use windows_native_keyring_store::Store;
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
use zbus_secret_service_keyring_store::Store;
use zeroize::Zeroizing;

use super::KeyError;

/// Under which name the entries stand.
const SERVICE: &str = "Sotto";
/// How long a person may take to unlock the keychain.
const PATIENCE: Duration = Duration::from_secs(90);

/// Keeps `key` as the entry of profile `id`, and reads it back before anything relies on it.
pub(super) async fn store(id: &str, key: &Secret<32>) -> Result<(), KeyError> {
    let (id, key) = (id.to_owned(), key.clone());
    ask(move || {
        let entry = entry(&id)?;
        entry.set_secret(key.expose()).map_err(sort)?;
        let kept = Zeroizing::new(entry.get_secret().map_err(sort)?);
        if Secret::from_slice(&kept).is_ok_and(|kept: Secret<32>| kept == key) {
            return Ok(());
        }
        let _ = entry.delete_credential();
        Err(KeyError::KeychainFailed(
            "it gave back something else".into(),
        ))
    })
    .await
}

/// The key of profile `id`.
pub(super) async fn load(id: &str) -> Result<Secret<32>, KeyError> {
    let id = id.to_owned();
    ask(move || {
        let kept = Zeroizing::new(entry(&id)?.get_secret().map_err(sort)?);
        Secret::from_slice(&kept).map_err(|_| KeyError::KeyDamaged)
    })
    .await
}

/// Removes the entry of profile `id`, if it is there and the keychain lets us.
pub(super) async fn remove(id: &str) {
    let id = id.to_owned();
    let removed = ask(move || entry(&id)?.delete_credential().map_err(sort)).await;
    if let Err(error) = removed {
        tracing::debug!(code = error.code(), "a keychain entry was left behind");
    }
}

/// The entry of profile `id`, over a connection of its own.
fn entry(id: &str) -> Result<Entry, KeyError> {
    let store = Store::new().map_err(|why| KeyError::KeychainMissing(why.to_string()))?;
    store
        .build(SERVICE, &format!("profile {id}"), None)
        .map_err(sort)
}

fn sort(error: Error) -> KeyError {
    match error {
        Error::NoStorageAccess(_) => KeyError::KeychainLocked,
        Error::NoEntry => KeyError::KeyNotFound,
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeyError::KeyDamaged,
        other => KeyError::KeychainFailed(describe(&other)),
    }
}

/// What an error says, without what it holds: some variants carry the secret.
fn describe(error: &Error) -> String {
    match error {
        Error::PlatformFailure(why) => why.to_string(),
        Error::BadStoreFormat(_) => "its store is damaged".into(),
        Error::Ambiguous(found) => format!("it holds {} entries of this profile", found.len()),
        Error::NotSupportedByStore(why) => why.clone(),
        _ => "it refused".into(),
    }
}

async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let (reply, answer) = oneshot::channel();
    std::thread::Builder::new()
        .name("sotto keychain".into())
        .spawn(move || {
            // Nobody listens any more after the deadline.
            let _ = reply.send(question());
        })
        .map_err(|error| KeyError::System(error.to_string()))?;
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(KeyError::KeychainFailed("it broke off".into())),
        Err(_) => Err(KeyError::KeychainLocked),
    }
}
