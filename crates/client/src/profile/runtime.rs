//! An open profile: a thread, and handles to it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sotto_engine::{Command, Done, Engine, EngineError, NewProfile, Outputs, Problem, Reader};
use sotto_suite::{Secret, SystemRandom};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::error::{closed, internal, system};
use super::owner::Owner;
use super::relays::Relays;
use super::{ProfileError, Publisher};
use crate::Timing;
use crate::clock::Clock;
use crate::connection::link::FromLink;
use crate::contract::{HostEvent, ProfileEvent, RelayStatus};

/// Commands that may wait; whoever asks then waits for room.
const ASKED: usize = 512;
/// Events of all relay tasks that may wait; the relays then wait for room.
const FROM_LINKS: usize = 512;

/// What a profile's thread is given from outside.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) timing: Timing,
    pub(crate) publisher: Publisher,
    /// The profile closes itself when this is cancelled.
    pub(crate) stop: CancellationToken,
}

/// An open profile. It stays open until [`Profile::close`], or until its host closes.
pub struct Profile {
    asked: mpsc::Sender<Asked>,
    /// None once the profile is closed.
    reader: Arc<Mutex<Option<Reader>>>,
    statuses: watch::Receiver<Vec<RelayStatus>>,
    stop: CancellationToken,
    ended: watch::Receiver<bool>,
}

/// A command that has its place. It is carried out whether or not somebody waits.
#[derive(Debug)]
pub struct Submitted(oneshot::Receiver<Result<Done, Problem>>);

impl Submitted {
    /// What the command came to.
    ///
    /// # Errors
    /// Why it was refused; then nothing was changed.
    pub async fn result(self) -> Result<Done, Problem> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// What the thread sends back when its engine stands.
type Started = Result<Reader, ProfileError>;

impl Profile {
    /// Makes the database of a new profile and closes it again.
    pub(crate) async fn create(
        database: PathBuf,
        key: Secret<32>,
        new: NewProfile,
    ) -> Result<(), ProfileError> {
        let create = move || {
            let random = Box::new(SystemRandom::new());
            Engine::create(&database, &key, new, random, Clock::new().now()).map(drop)
        };
        tokio::task::spawn_blocking(create)
            .await
            .map_err(|error| ProfileError::System(error.to_string()))?
            .map_err(ProfileError::from)
    }

    /// Opens the database and starts the profile's thread.
    pub(crate) async fn open(
        database: PathBuf,
        key: Secret<32>,
        surroundings: Surroundings,
    ) -> Result<Self, ProfileError> {
        let (asked, receiver) = mpsc::channel(ASKED);
        let (statuses, watched) = watch::channel(Vec::new());
        let (ended_sender, ended) = watch::channel(false);
        let (started, start) = oneshot::channel();
        let stop = surroundings.stop.clone();
        let thread = Thread {
            surroundings,
            asked: receiver,
            statuses,
            ended: ended_sender,
        };
        std::thread::Builder::new()
            .name("sotto profile".into())
            .spawn(move || thread.run(&database, &key, started))
            .map_err(|error| ProfileError::System(error.to_string()))?;
        let reader = start
            .await
            .unwrap_or_else(|_| Err(ProfileError::System("the profile's thread ended".into())))?;
        let reader = Arc::new(Mutex::new(Some(reader)));
        Ok(Self {
            asked,
            reader,
            statuses: watched,
            stop,
            ended,
        })
    }

    /// Carries out a command. Commands are carried out in the order in which they are asked.
    ///
    /// # Errors
    /// Why it was refused; then nothing was changed.
    pub async fn command(&self, command: Command) -> Result<Done, Problem> {
        self.submit(command).await?.result().await
    }

    /// Puts a command in its place behind the others and leaves the waiting to the caller: those
    /// that wait together share one durable commit.
    ///
    /// # Errors
    /// The profile is closed.
    pub async fn submit(&self, command: Command) -> Result<Submitted, Problem> {
        let (reply, answer) = oneshot::channel();
        self.asked
            .send(Asked::Command(command, reply))
            .await
            .map_err(|_| closed())?;
        Ok(Submitted(answer))
    }

    /// Reads from the database, off the task. Never waits for a command.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Problem> {
        let reader = Arc::clone(&self.reader);
        let read = move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let reader = reader.as_mut().ok_or_else(closed)?;
            read(reader).map_err(|error| error.problem())
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| system(&error.to_string()))?
    }

    /// The relays that the profile needs, and how each connection stands.
    #[must_use]
    pub fn relays(&self) -> Vec<RelayStatus> {
        self.statuses.borrow().clone()
    }

    /// Tries the relays again now instead of after the pause.
    pub async fn reconnect_relays(&self) {
        // A closed profile has no relays.
        let _ = self.asked.send(Asked::ReconnectRelays).await;
    }

    /// Has it ended, by itself or by being closed?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.ended.borrow()
    }

    /// Ends connections and thread, and comes back when the database is closed.
    pub async fn close(&self) {
        self.stop.cancel();
        let mut ended = self.ended.clone();
        // An error says that the thread is gone already.
        let _ = ended.wait_for(|ended| *ended).await;
        let reader = Arc::clone(&self.reader);
        let shut = move || drop(reader.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = tokio::task::spawn_blocking(shut).await;
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Says that the profile's thread has ended, however it ended.
struct Ending {
    ended: watch::Sender<bool>,
    publisher: Publisher,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let problem = std::thread::panicking().then(internal);
        self.ended.send_replace(true);
        self.publisher
            .publish(ProfileEvent::Host(HostEvent::Closed { problem }));
    }
}

/// What moves into the profile's thread.
struct Thread {
    surroundings: Surroundings,
    asked: mpsc::Receiver<Asked>,
    statuses: watch::Sender<Vec<RelayStatus>>,
    ended: watch::Sender<bool>,
}

impl Thread {
    /// Opens the engine and runs its owner, with the tasks of its relays, on this thread: a frame
    /// that arrives reaches the engine, and the answer the socket, without changing threads.
    fn run(self, database: &Path, key: &Secret<32>, started: oneshot::Sender<Started>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = started.send(Err(ProfileError::System(error.to_string())));
                return;
            }
        };
        let mut clock = Clock::new();
        let (engine, reader, first) = match start(database, key, &mut clock) {
            Ok(started) => started,
            Err(error) => {
                let _ = started.send(Err(error.into()));
                return;
            }
        };
        let stop = self.surroundings.stop.clone();
        // Dropped after everything else: the engine is gone by then and its database closed.
        let _ending = Ending {
            ended: self.ended,
            publisher: self.surroundings.publisher.clone(),
        };
        if started.send(Ok(reader)).is_err() {
            return;
        }
        runtime.block_on(async {
            let (events, links) = mpsc::channel::<FromLink>(FROM_LINKS);
            let relays = Relays::new(self.surroundings.timing, events);
            let owner = Owner::new(
                engine,
                clock,
                relays,
                self.surroundings.publisher,
                self.statuses,
            );
            owner.run(first, self.asked, links, stop).await;
        });
        // A name that is being looked up can't be called off; it must not hold us.
        runtime.shutdown_background();
    }
}

fn start(
    database: &Path,
    key: &Secret<32>,
    clock: &mut Clock,
) -> Result<(Engine, Reader, Outputs), EngineError> {
    let mut engine = Engine::open(database, key, Box::new(SystemRandom::new()))?;
    let reader = engine.reader()?;
    let first = engine.start(clock.now())?;
    Ok((engine, reader, first))
}
