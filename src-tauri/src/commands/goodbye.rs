//! `said_goodbye`: the page is asked for it when the window closes, see [`crate::leave`].

use tauri::State;

use crate::leave::Leaving;

/// All that the page had held back has its place in the order.
#[tauri::command]
pub(super) fn said_goodbye(leaving: State<'_, Leaving>) {
    leaving.page.notify_one();
}
