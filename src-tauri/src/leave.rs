//! A quiet end: whatever was asked for is done and every database closed before the program ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sotto_client::Host;
use tauri::async_runtime::{self, JoinHandle};
use tauri::{AppHandle, Manager as _, RunEvent, Runtime, WindowEvent};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::order::Order;
use crate::window;

/// A page that does not answer in this time hangs, or its process is gone.
const PAGE: Duration = Duration::from_secs(1);
/// Whoever reads our standard output gets this long to take the last answers.
const RPC: Duration = Duration::from_secs(5);

/// Tells the page that it is about to go, in the word that browsers have for it: what it holds
/// back, a draft say, it asks to be kept now. Then it says that this was all, on the same way, so
/// that this comes last.
const GOODBYE: &str = r#"
    window.dispatchEvent(new Event("pagehide"));
    window.__TAURI_INTERNALS__.invoke("said_goodbye");
"#;

/// How far the end has come.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    begun: AtomicBool,
    done: AtomicBool,
    /// The page has asked for all that it had held back.
    pub(crate) page: Notify,
    /// Stops what serves standard input.
    pub(crate) stop: CancellationToken,
    /// That which serves standard input.
    pub(crate) rpc: Mutex<Option<JoinHandle<()>>>,
}

/// Leaves when the window is closed or the end is asked for in another way, but not at once.
pub(crate) fn on_event<R: Runtime>(app: &AppHandle<R>, event: RunEvent) {
    match event {
        RunEvent::WindowEvent {
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } => {
            api.prevent_close();
            leave(app);
        }
        RunEvent::ExitRequested { api, .. }
            if !app.state::<Leaving>().done.load(Ordering::Acquire) =>
        {
            api.prevent_exit();
            leave(app);
        }
        _ => {}
    }
}

/// Leaves when the system or the terminal asks.
pub(crate) fn on_signal<R: Runtime>(app: AppHandle<R>) {
    async_runtime::spawn(async move {
        signal().await;
        leave(&app);
    });
}

/// Begins to leave; a second time does nothing.
fn leave<R: Runtime>(app: &AppHandle<R>) {
    if app.state::<Leaving>().begun.swap(true, Ordering::AcqRel) {
        return;
    }
    let app = app.clone();
    async_runtime::spawn(async move {
        say_goodbye(&app).await;
        app.state::<Order>().caught_up().await;
        end_rpc(&app.state::<Leaving>()).await;
        app.state::<Arc<Host>>().close().await;
        app.state::<Leaving>().done.store(true, Ordering::Release);
        app.exit(0);
    });
}

/// Takes the window off the screen and lets the page ask for what it has held back.
async fn say_goodbye<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = window::main(app) else {
        return;
    };
    // A window that stays in sight for the moment is no reason to stay.
    let _ = window.hide();
    if window.eval(GOODBYE).is_ok() {
        let _ = timeout(PAGE, app.state::<Leaving>().page.notified()).await;
    }
}

async fn end_rpc(leaving: &Leaving) {
    leaving.stop.cancel();
    let rpc = leaving
        .rpc
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(rpc) = rpc {
        let _ = timeout(RPC, rpc).await;
    }
}

/// Comes back when the process is asked to end.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut hangup)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
