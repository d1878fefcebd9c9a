//! `subscribe`: what happens, as it happens.

use std::sync::{Arc, Mutex, PoisonError};

use sotto_client::contract::Published;
use sotto_client::{Events, Host};
use tauri::State;
use tauri::ipc::Channel;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The page that is told. There is one at a time: a page that was loaded anew takes the place of
/// the one before, whose channel leads nowhere any more.
#[derive(Debug, Default)]
pub(crate) struct Subscription(Mutex<Option<DropGuard>>);

/// Tells everything that happens from now on through `channel`.
#[tauri::command]
pub(super) fn subscribe(
    channel: Channel<Published>,
    host: State<'_, Arc<Host>>,
    subscription: State<'_, Subscription>,
) {
    // Listening begins here and not in the task: once this is answered, no event is missed.
    let events = host.events();
    let stop = CancellationToken::new();
    tauri::async_runtime::spawn(tell(events, channel, stop.clone()));
    let mut current = subscription
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *current = Some(stop.drop_guard());
}

async fn tell(mut events: Events, channel: Channel<Published>, stop: CancellationToken) {
    loop {
        let published = tokio::select! {
            () = stop.cancelled() => return,
            published = events.next() => published,
        };
        let Some(published) = published else { return };
        if channel.send(Published::clone(&published)).is_err() {
            return;
        }
    }
}
