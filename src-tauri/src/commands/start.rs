//! `start`: what the page is started with.

use sotto_client::contract::Start;
use tauri::State;

/// Which profile the page shows, and what it proposes for a new one.
#[tauri::command]
pub(super) fn start(start: State<'_, Start>) -> Start {
    start.inner().clone()
}
