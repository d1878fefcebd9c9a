//! Several profiles in one process, and the contract over all of them.

mod calls;
mod events;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_engine::NewProfile;
use sotto_wire::RelayAddress;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::Timing;
use crate::contract::{HostEvent, ProfileEvent, ProfileView, Published};
use crate::keys::{self, KeySource, Passphrase, Protection};
use crate::profile::{Profile, ProfileError, ProfileFolder, ProfileName, Publisher, Surroundings};

pub use calls::Pending;
pub use events::Events;

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
    open: Mutex<BTreeMap<ProfileName, Arc<Profile>>>,
    /// Who opens, makes or closes a profile waits for the turn of its name. A keychain that waits
    /// for a person holds up nobody else.
    turns: Mutex<BTreeMap<ProfileName, Arc<tokio::sync::Mutex<()>>>>,
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
            turns: Mutex::default(),
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
        let turn = self.turn(name);
        let _turn = turn.lock().await;
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
        Ok(self.keep(name, profile))
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
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        if let Some(profile) = self.profile(name) {
            return Ok(profile);
        }
        let folder = ProfileFolder::new(&self.config.data, name);
        let description = folder.describe()?;
        let key = keys::load(&description.id, folder.path(), description.key, passphrase).await?;
        let profile = Profile::open(folder.database(), key, self.surroundings(name)).await?;
        Ok(self.keep(name, profile))
    }

    /// The open profile of this name.
    #[must_use]
    pub fn profile(&self, name: &ProfileName) -> Option<Arc<Profile>> {
        let open = lock(&self.open);
        open.get(name)
            .filter(|profile| !profile.is_closed())
            .cloned()
    }

    /// The profiles on this machine.
    ///
    /// # Errors
    /// The data folder can't be read.
    pub fn list(&self) -> Result<Vec<ProfileView>, ProfileError> {
        let found = ProfileFolder::list(&self.config.data)?;
        let view = |(profile, key): (ProfileName, KeySource)| ProfileView {
            open: self.profile(&profile).is_some(),
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
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        let profile = lock(&self.open).remove(name);
        if let Some(profile) = profile {
            profile.close().await;
        }
    }

    /// Closes every profile and comes back when their databases are closed. What is opened later
    /// closes at once.
    pub async fn close(&self) {
        self.stop.cancel();
        let profiles = std::mem::take(&mut *lock(&self.open));
        for profile in profiles.into_values() {
            profile.close().await;
        }
    }

    fn keep(&self, name: &ProfileName, profile: Profile) -> Arc<Profile> {
        let profile = Arc::new(profile);
        lock(&self.open).insert(name.clone(), Arc::clone(&profile));
        // Last: whoever hears it may call at once.
        self.publisher(name)
            .publish(ProfileEvent::Host(HostEvent::Opened {}));
        profile
    }

    fn publisher(&self, name: &ProfileName) -> Publisher {
        Publisher::new(name.clone(), self.events.clone())
    }

    fn turn(&self, name: &ProfileName) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.turns).entry(name.clone()).or_default())
    }

    fn surroundings(&self, name: &ProfileName) -> Surroundings {
        Surroundings {
            timing: self.config.timing,
            publisher: self.publisher(name),
            stop: self.stop.child_token(),
        }
    }
}

/// Nothing that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
