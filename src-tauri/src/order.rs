//! Commands begin in the order in which the page asked for them.
//!
//! Tauri runs each request as a task of its own, and tasks may overtake each other. So a command
//! takes its place here while the request is still on the main thread, where requests come in one
//! after the other. Everything else waits for nobody: reads may overtake, and an `open_profile`
//! that waits for the keychain holds up no command of another profile.

use std::sync::Arc;

use sotto_client::Host;
use sotto_client::contract::{Answer, Call, Problem, Request};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// The line in which commands wait to begin.
#[derive(Clone)]
pub(crate) struct Order {
    host: Arc<Host>,
    line: mpsc::UnboundedSender<Waiting>,
    /// Commands that have begun and are not answered.
    begun: TaskTracker,
}

enum Waiting {
    Command(Call, oneshot::Sender<Result<Answer, Problem>>),
    /// Somebody who wants to know when all before has begun.
    Watcher(oneshot::Sender<()>),
}

impl Order {
    /// An empty line. Must be called on a runtime.
    pub(crate) fn new(host: Arc<Host>) -> Self {
        let (line, waiting) = mpsc::unbounded_channel();
        let begun = TaskTracker::new();
        tokio::spawn(begin_in_turn(Arc::clone(&host), waiting, begun.clone()));
        Self { host, line, begun }
    }

    /// Takes a place for the call now; the answer comes when it is waited for.
    pub(crate) fn take(
        &self,
        call: Call,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send + use<> {
        let (answered, answer) = oneshot::channel();
        let now = if matches!(call.request, Request::Command(_)) {
            // The page is bounded by what it can hold itself: each of these is a promise there.
            let _ = self.line.send(Waiting::Command(call, answered));
            None
        } else {
            Some(call)
        };
        let host = Arc::clone(&self.host);
        async move {
            match now {
                Some(call) => host.call(call).await,
                None => answer.await.unwrap_or_else(|_| Err(ended())),
            }
        }
    }

    /// Comes back when every command that has its place is answered: closing a profile does not
    /// wait for what was only asked.
    pub(crate) async fn caught_up(&self) {
        let (reached, waits) = oneshot::channel();
        let _ = self.line.send(Waiting::Watcher(reached));
        let _ = waits.await;
        self.begun.close();
        self.begun.wait().await;
    }
}

async fn begin_in_turn(
    host: Arc<Host>,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
    begun: TaskTracker,
) {
    while let Some(next) = waiting.recv().await {
        match next {
            Waiting::Command(call, answered) => {
                let pending = host.begin(call).await;
                // Whoever no longer waits for the answer still wanted it done.
                begun.spawn(async move { answered.send(pending.await) });
            }
            Waiting::Watcher(reached) => {
                let _ = reached.send(());
            }
        }
    }
}

fn ended() -> Problem {
    Problem {
        code: "closing".into(),
        happened: "Sotto is closing.".into(),
        safe: "Nothing was done.".into(),
        next: "Start Sotto again.".into(),
    }
}
