//! What the page may ask, and nothing else. `build.rs` lists the same names for Tauri's permissions.

mod call;
mod goodbye;
mod settings;
mod start;
mod subscribe;

use tauri::ipc::Invoke;
use tauri::{Wry, generate_handler};

pub(crate) use settings::FILE as SETTINGS;
pub(crate) use subscribe::Subscription;

/// Answers the page's requests. Tauri has checked by then that they come from the app's own page
/// and that its capability grants them.
pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    let others: Box<dyn Fn(Invoke<Wry>) -> bool + Send + Sync> = Box::new(generate_handler![
        start::start,
        subscribe::subscribe,
        settings::read_setting,
        settings::write_setting,
        goodbye::said_goodbye
    ]);
    move |invoke| match invoke.message.command() {
        "call" => call::take(invoke),
        _ => others(invoke),
    }
}
