//! `read_setting`, `write_setting`: how the screen looks. Nothing in it is secret.
//!
//! The store's own commands are not granted to the page, because they take a path.

use serde_json::Value;
use sotto_client::contract::Problem;
use tauri::{AppHandle, Runtime};
use tauri_plugin_store::StoreExt as _;

/// Where settings are kept, in the window's folder.
pub(crate) const FILE: &str = "settings.json";
/// Longest name, in bytes.
const LONGEST_NAME: usize = 64;
/// Longest value as JSON, in bytes.
const LONGEST_VALUE: usize = 16 * 1024;

/// What is kept under this name; null if nothing is.
#[tauri::command]
pub(super) fn read_setting<R: Runtime>(app: AppHandle<R>, name: String) -> Option<Value> {
    app.get_store(FILE).and_then(|settings| settings.get(name))
}

/// Keeps a value under this name; null forgets it. It is on the disk a moment later.
#[tauri::command]
pub(super) fn write_setting<R: Runtime>(
    app: AppHandle<R>,
    name: String,
    value: Value,
) -> Result<(), Problem> {
    if name.len() > LONGEST_NAME || value.to_string().len() > LONGEST_VALUE {
        return Err(too_long());
    }
    let settings = app.get_store(FILE).ok_or_else(not_kept)?;
    if value.is_null() {
        settings.delete(name);
    } else {
        settings.set(name, value);
    }
    Ok(())
}

fn too_long() -> Problem {
    Problem {
        code: "setting_too_long".into(),
        happened: "The setting is longer than a setting can be.".into(),
        safe: "The one before it is kept.".into(),
        next: "Choose a shorter one.".into(),
    }
}

fn not_kept() -> Problem {
    Problem {
        code: "setting_not_kept".into(),
        happened: "Settings can't be kept at the moment.".into(),
        safe: "Everything else works as before.".into(),
        next: "Check that the disk has room, then start Sotto again.".into(),
    }
}
