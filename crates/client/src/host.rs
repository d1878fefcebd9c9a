//! Several profiles in one process, and the contract over all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use sotto_engine::Problem;
use sotto_wire::RelayAddress;
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;

use crate::Timing;
use crate::clock::Clock;
use crate::contract::{
    self, Answer, Call, CallError, HostEvent, LONGEST_PAGE, Manage, ProfileEvent, ProfileView,
    Published, Query, Request, VersionView,
};
use crate::keys::{self, KeySource, Passphrase, Protection};
use crate::profile::{Profile, ProfileError, ProfileFolder, ProfileName, Publisher, Surroundings};
use sotto_engine::NewProfile;

/// Events that a listener may be behind before it misses some.
const EVENTS: usize = 4096;

/// What a host is set up with.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Where the profiles are.
    pub data: PathBuf,
    /// Deadlines and pauses of connections.
    pub timing: Timing,
}

impl HostConfig {
    /// Where this system wants a person's data, with the usual deadlines. None: the system says
    /// of no such place.
    #[must_use]
    pub fn standard() -> Option<Self> {
        let folders = directories::ProjectDirs::from("", "", "sotto")?;
        Some(Self {
            data: folders.data_dir().to_owned(),
            timing: Timing::default(),
        })
    }
}

/// The answer to a call that has begun.
pub type Pending = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// What a new profile's account is to be.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Name that contacts will see, 1 to 64 characters.
    pub name: String,
    /// Home relay, as text.
    pub relay: String,
    /// What this device is called.
    pub device_name: String,
}

/// All profiles of one process.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    /// Opening and closing wait for each other, so that no profile is opened twice.
    open: Mutex<BTreeMap<ProfileName, Arc<Profile>>>,
    events: broadcast::Sender<Arc<Published>>,
    stop: CancellationToken,
}

impl Host {
    /// A host without open profiles. It closes them all when `stop` is cancelled.
    #[must_use]
    pub fn new(config: HostConfig, stop: CancellationToken) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        Self {
            config,
            open: Mutex::default(),
            events,
            stop,
        }
    }

    /// Everything that happens from now on, in every profile.
    #[must_use]
    pub fn events(&self) -> Events {
        Events {
            from: self.events.subscribe(),
            missed_for: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Makes a profile and opens it.
    ///
    /// # Errors
    /// Why not; then nothing is left of it.
    pub async fn create(
        &self,
        name: &ProfileName,
        account: NewAccount,
        protection: Protection,
    ) -> Result<Arc<Profile>, ProfileError> {
        let NewAccount {
            name: person,
            relay,
            device_name,
        } = account;
        let relay: RelayAddress = relay.parse()?;
        let mut open = self.open.lock().await;
        let folder = ProfileFolder::new(&self.config.data, name);
        let source = protection.source();
        let unfinished = folder.begin(source)?;
        let id = unfinished.description.id.clone();
        let building = unfinished.building.clone();
        let key = keys::create(&id, building.path(), protection).await?;
        let new = NewProfile {
            name: person,
            relay,
            device_name,
        };
        let made = Profile::create(building.database(), key.clone(), new).await;
        if let Err(error) = made.and_then(|()| Ok(unfinished.finish()?)) {
            keys::forget(&id, source).await;
            return Err(error);
        }
        let profile = Profile::open(folder.database(), key, self.surroundings(name)).await?;
        let profile = Arc::new(profile);
        open.insert(name.clone(), Arc::clone(&profile));
        Ok(profile)
    }

    /// Opens a profile, or gives the open one.
    ///
    /// # Errors
    /// Why not. The profile is untouched, and no other is made in its place.
    pub async fn open(
        &self,
        name: &ProfileName,
        passphrase: Option<Passphrase>,
    ) -> Result<Arc<Profile>, ProfileError> {
        let mut open = self.open.lock().await;
        if let Some(profile) = open.get(name).filter(|profile| !profile.is_closed()) {
            return Ok(Arc::clone(profile));
        }
        let folder = ProfileFolder::new(&self.config.data, name);
        let description = folder.describe()?;
        let key = keys::load(&description.id, folder.path(), description.key, passphrase).await?;
        let profile = Profile::open(folder.database(), key, self.surroundings(name)).await?;
        let profile = Arc::new(profile);
        open.insert(name.clone(), Arc::clone(&profile));
        Ok(profile)
    }

    /// The open profile of this name.
    pub async fn profile(&self, name: &ProfileName) -> Option<Arc<Profile>> {
        self.open
            .lock()
            .await
            .get(name)
            .filter(|profile| !profile.is_closed())
            .cloned()
    }

    /// The profiles on this machine.
    ///
    /// # Errors
    /// The data folder can't be read.
    pub async fn list(&self) -> Result<Vec<ProfileView>, ProfileError> {
        let open = self.open.lock().await;
        let found = ProfileFolder::list(&self.config.data)?;
        let view = |(profile, key): (ProfileName, KeySource)| ProfileView {
            open: open
                .get(&profile)
                .is_some_and(|profile| !profile.is_closed()),
            profile,
            key,
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// Is there a profile of this name, in whatever state?
    #[must_use]
    pub fn exists(&self, name: &ProfileName) -> bool {
        ProfileFolder::new(&self.config.data, name).is_taken()
    }

    /// Closes one profile.
    pub async fn close_profile(&self, name: &ProfileName) {
        if let Some(profile) = self.open.lock().await.remove(name) {
            profile.close().await;
        }
    }

    /// Closes every profile and comes back when their databases are closed.
    pub async fn close(&self) {
        self.stop.cancel();
        for profile in std::mem::take(&mut *self.open.lock().await).into_values() {
            profile.close().await;
        }
    }

    /// Carries out a call of the contract.
    ///
    /// # Errors
    /// A [`Problem`]: why not, what is safe, what to do.
    pub async fn call(&self, call: Call) -> Result<Answer, Problem> {
        self.begin(call).await.await
    }

    /// Begins a call and leaves the waiting to the caller. A command has its place in the order
    /// when this returns, and whatever is about profiles themselves is done by then; reads begin
    /// when they are waited for.
    pub async fn begin(&self, call: Call) -> Pending {
        match self.place(call).await {
            Ok(pending) => pending,
            Err(problem) => Box::pin(std::future::ready(Err(problem))),
        }
    }

    async fn place(&self, call: Call) -> Result<Pending, Problem> {
        let Call { profile, request } = call;
        let done = match (request, profile) {
            (Request::Manage(Manage::Version {}), _) => Answer::Version(VersionView {
                contract: contract::VERSION,
                program: env!("CARGO_PKG_VERSION").into(),
            }),
            (Request::Manage(Manage::ListProfiles {}), _) => {
                Answer::Profiles(self.list().await.map_err(|error| error.problem())?)
            }
            (_, None) => return Err(CallError::ProfileMissing.problem()),
            (Request::Manage(manage), Some(name)) => self.manage(&name, manage).await?,
            (Request::Command(command), Some(name)) => {
                let submitted = self.opened(&name).await?.submit(command).await?;
                return Ok(Box::pin(async {
                    submitted.result().await.map(Answer::Done)
                }));
            }
            (Request::Query(query), Some(name)) => {
                let profile = self.opened(&name).await?;
                return Ok(Box::pin(async move { profile.query(query).await }));
            }
        };
        Ok(Box::pin(std::future::ready(Ok(done))))
    }

    async fn manage(&self, name: &ProfileName, manage: Manage) -> Result<Answer, Problem> {
        match manage {
            Manage::Version {} | Manage::ListProfiles {} => {}
            Manage::CreateProfile {
                name: person,
                relay,
                device_name,
                protection,
            } => {
                let account = NewAccount {
                    name: person,
                    relay,
                    device_name,
                };
                self.create(name, account, protection)
                    .await
                    .map_err(|error| error.problem())?;
            }
            Manage::OpenProfile { passphrase } => {
                self.open(name, passphrase)
                    .await
                    .map_err(|error| error.problem())?;
            }
            Manage::CloseProfile {} => self.close_profile(name).await,
            Manage::ReconnectRelays {} => self.opened(name).await?.reconnect_relays().await,
        }
        Ok(Answer::Nothing(()))
    }

    async fn opened(&self, name: &ProfileName) -> Result<Arc<Profile>, Problem> {
        self.profile(name)
            .await
            .ok_or_else(|| CallError::NotOpen.problem())
    }

    fn surroundings(&self, name: &ProfileName) -> Surroundings {
        Surroundings {
            timing: self.config.timing,
            publisher: Publisher::new(name.clone(), self.events.clone()),
            stop: self.stop.child_token(),
        }
    }
}

impl Profile {
    /// Answers a query of the contract.
    ///
    /// # Errors
    /// What the database says, or that there is no such thing.
    pub async fn query(&self, query: Query) -> Result<Answer, Problem> {
        match query {
            Query::Relays {} => Ok(Answer::Relays(self.relays())),
            Query::Account {} => self.read(|r| r.account()).await.map(Answer::Account),
            Query::Conversations {} => self
                .read(|r| r.conversations())
                .await
                .map(Answer::Conversations),
            Query::Conversation { conversation } => self
                .read(move |r| r.conversation(conversation))
                .await
                .map(Answer::Conversation),
            Query::Messages {
                conversation,
                before,
                limit,
            } => {
                let limit = limit.clamp(1, LONGEST_PAGE);
                let read =
                    move |r: &mut sotto_engine::Reader| r.messages(conversation, before, limit);
                self.read(read).await.map(Answer::Messages)
            }
            Query::Message { message } => self
                .read(move |r| r.message(message))
                .await
                .map(Answer::Message),
            Query::SentAs { message } => self
                .read(move |r| r.sent_as(message))
                .await
                .map(Answer::SentAs),
            Query::Details { conversation } => self
                .read(move |r| r.details(conversation))
                .await
                .map(Answer::Details),
            Query::Requests {} => self.read(|r| r.requests()).await.map(Answer::Requests),
            Query::Invites {} => {
                let now = Clock::new().now();
                self.read(move |r| r.invites(now))
                    .await
                    .map(Answer::Invites)
            }
            Query::RecoveryCode {} => self
                .read(|r| r.recovery_code())
                .await
                .map(Answer::RecoveryCode),
        }
    }
}

/// What happens, as it happens.
#[derive(Debug)]
pub struct Events {
    from: broadcast::Receiver<Arc<Published>>,
    /// Profiles that still have to be told that they missed something.
    missed_for: Vec<ProfileName>,
    /// Profiles seen so far.
    known: Vec<ProfileName>,
}

impl Events {
    /// The next event; none when the host is gone.
    pub async fn next(&mut self) -> Option<Arc<Published>> {
        loop {
            if let Some(profile) = self.missed_for.pop() {
                let event = ProfileEvent::Host(HostEvent::Missed {});
                return Some(Arc::new(Published { profile, event }));
            }
            match self.from.recv().await {
                Ok(published) => {
                    if !self.known.contains(&published.profile) {
                        self.known.push(published.profile.clone());
                    }
                    return Some(published);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.missed_for.clone_from(&self.known);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
