//! A run: the stage is set, people talk while things go wrong, and then there is quiet.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sotto_tests::{
    Failure, History, Kept, Key, Person, RelayProcess, Stage, introduce, open_database,
};

pub use crate::network::Kind;
use crate::network::Network;
use crate::plan::{Edge, Fault, Moment, PAIRS, PEOPLE, moments};
use crate::proxy::Damage;
use crate::story::Story;
use crate::talker::{Handle, Talker, name};
use crate::verdict;

/// How long everything may take to arrive once nothing is wrong any more: whoever waits for a relay
/// that fell silent gives up after 50 seconds and then pauses for up to 30.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is looked at it.
const LOOK: Duration = Duration::from_millis(500);
/// What only passes through a profile, and is gone when all is quiet.
const PASSING: [&str; 5] = [
    "outbox",
    "errands",
    "openings",
    "intents",
    "pending_handshakes",
];

/// What is played.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Chooses faults and texts.
    pub seed: u64,
    /// How long things go wrong.
    pub length: Duration,
    /// What lies between people and relay.
    pub network: Kind,
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything that is wrong, each in a sentence; empty if nothing is.
    pub faults: Vec<String>,
    /// Texts that clients took.
    pub accepted: usize,
    /// Faults, by name.
    pub befell: BTreeMap<&'static str, usize>,
    /// How often clients were started again.
    pub restarts: u64,
    /// What the proxy did.
    pub damage: Damage,
    /// How long the quiet took to come.
    pub settled: Duration,
    /// What the system could not do.
    pub notices: Vec<&'static str>,
    /// What happened, for people.
    pub story: String,
    /// The folder with everything, kept if something is wrong.
    pub folder: Option<PathBuf>,
}

/// Plays it.
///
/// # Errors
/// The stage could not be set. What went wrong afterwards is in the report.
pub fn play(settings: &Settings) -> Result<Report, Failure> {
    let stage = Stage::new()?;
    let mut scene = Scene::set(&stage, settings)?;
    let mut report = Report::default();
    if let Err(failure) = scene.play(settings, &mut report) {
        report.faults.push(failure.to_string());
    }
    report.damage = scene.network.damage();
    report.story = scene.story.text();
    drop(scene);
    if !report.faults.is_empty() {
        report.folder = Some(stage.keep());
    }
    Ok(report)
}

/// Everybody and everything. Fields are dropped in order: people, relay, network.
struct Scene {
    talkers: Vec<Talker>,
    handles: Vec<Handle>,
    relay: RelayProcess,
    /// Killed, and not yet started again.
    relay_down: bool,
    network: Network,
    story: Story,
}

impl Scene {
    /// Relay, profiles, and the introductions. Nothing goes wrong before that is done.
    fn set(stage: &Stage, settings: &Settings) -> Result<Self, Failure> {
        let (network, relay) = Network::with_relay(settings.network, stage)?;
        let story = Story::new();
        let mut talkers = Vec::new();
        for (who, name) in PEOPLE.iter().enumerate() {
            let program = network.client(stage, who)?;
            let log = stage.folder().join(format!("{name}.log"));
            let mut person = Person::arrive(name, &program, &stage.folder().join(name), &log)?;
            person.create(name, &network.address(&relay, who), Key::Passphrase)?;
            talkers.push(Talker::new(who, person, settings.seed, story.clone()));
        }
        for (one, other) in PAIRS {
            if let Ok([one, other]) = talkers.get_disjoint_mut([one, other]) {
                introduce(&mut one.person, &mut other.person)?;
                one.will_talk_with(other.who);
                other.will_talk_with(one.who);
            }
        }
        Ok(Self {
            handles: talkers.iter().map(Talker::handle).collect(),
            talkers,
            relay,
            relay_down: false,
            network,
            story,
        })
    }

    fn play(&mut self, settings: &Settings, report: &mut Report) -> Result<(), Failure> {
        if let Network::Namespaces(namespaces) = &self.network {
            report.notices = namespaces.notices();
        }
        let over = Arc::new(AtomicBool::new(false));
        let talking: Vec<Talking> = self.talkers.drain(..).map(|t| start(t, &over)).collect();
        let went_wrong = self.go_wrong(settings, &talking, report);
        over.store(true, Ordering::Relaxed);
        // Paused programs would keep their people waiting.
        let mended = self.mend();
        let mut ended = Ok(());
        for talking in talking {
            match talking.join() {
                Ok((talker, Ok(()))) => self.talkers.push(talker),
                Ok((_, Err(failure))) => ended = Err(failure),
                Err(_) => ended = Err(Failure::Broken("somebody stopped talking".to_owned())),
            }
        }
        ended.and(went_wrong).and(mended)?;
        self.story.tell(None, "everything is mended");
        let accepted = |talker: &Talker| {
            talker
                .talks
                .iter()
                .map(|talk| talk.said.len())
                .sum::<usize>()
        };
        report.accepted = self.talkers.iter().map(accepted).sum();
        report.restarts = self.talkers.iter().map(Talker::lives).sum();
        let began = Instant::now();
        report.faults = self.come_to_rest()?;
        report.settled = began.elapsed();
        if report.faults.is_empty() {
            report.faults = self.open_once_more()?;
        }
        Ok(())
    }

    /// Lets the faults of the plan happen.
    fn go_wrong(
        &mut self,
        settings: &Settings,
        talking: &[Talking],
        report: &mut Report,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        for moment in moments(settings.seed, settings.length) {
            let at = moment.at.min(settings.length);
            if !self.wait_until(began + at, talking)? {
                return Ok(());
            }
            // Ends that would come later come with the end of everything.
            if moment.at >= settings.length {
                break;
            }
            self.befall(moment, report)?;
        }
        self.wait_until(began + settings.length, talking).map(drop)
    }

    /// False: somebody stopped talking, and says why.
    fn wait_until(&mut self, moment: Instant, talking: &[Talking]) -> Result<bool, Failure> {
        loop {
            if self.relay.has_ended() && !self.relay_down {
                return Err(Failure::Broken("the relay ended by itself".to_owned()));
            }
            if talking.iter().any(JoinHandle::is_finished) {
                return Ok(false);
            }
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn befall(&mut self, moment: Moment, report: &mut Report) -> Result<(), Failure> {
        let Moment { edge, fault, .. } = moment;
        if edge == Edge::Begins {
            *report.befell.entry(fault.name()).or_default() += 1;
        }
        let said = match (fault, edge) {
            (Fault::Road(who, trouble, number), Edge::Begins) => {
                self.network.begin(who, trouble, number)?
            }
            (Fault::Road(who, trouble, _), Edge::Ends) => {
                self.network.end(who, trouble)?;
                format!("{} no more", fault.name())
            }
            (Fault::KillPerson(who), _) => {
                self.on(who, Handle::kill);
                "is killed".to_owned()
            }
            (Fault::PausePerson(who), Edge::Begins) => {
                self.on(who, Handle::pause);
                "is paused".to_owned()
            }
            (Fault::PausePerson(who), Edge::Ends) => {
                self.on(who, Handle::go_on);
                "goes on".to_owned()
            }
            (Fault::KillRelay, Edge::Begins) => {
                self.relay_down = true;
                self.relay.kill();
                "is killed".to_owned()
            }
            (Fault::KillRelay, Edge::Ends) => {
                self.start_relay()?;
                "is started again".to_owned()
            }
            (Fault::PauseRelay, Edge::Begins) => {
                self.relay.victim().pause();
                "is paused".to_owned()
            }
            (Fault::PauseRelay, Edge::Ends) => {
                self.relay.victim().go_on();
                "goes on".to_owned()
            }
        };
        self.story.tell(fault.who(), format!("* {said}"));
        Ok(())
    }

    fn on(&self, who: usize, what: impl Fn(&Handle)) {
        if let Some(handle) = self.handles.get(who) {
            what(handle);
        }
    }

    fn start_relay(&mut self) -> Result<(), Failure> {
        // It was killed twice, and is back already.
        if self.relay_down {
            self.relay.restart()?;
            self.relay_down = false;
        }
        Ok(())
    }

    /// Nothing goes wrong from now on. What is wrong already stays for somebody to notice.
    fn mend(&mut self) -> Result<(), Failure> {
        self.handles.iter().for_each(Handle::go_on);
        self.relay.victim().go_on();
        let relay = self.start_relay();
        self.network.mend().and(relay)
    }

    /// Waits until everything is as it should be. What is not by then is told.
    fn come_to_rest(&mut self) -> Result<Vec<String>, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let databases = self.talkers.iter().map(|talker| {
            let database = open_database(&talker.person.profile_folder())?;
            Ok((talker.who, database))
        });
        let databases = databases.collect::<Result<Vec<_>, Failure>>()?;
        loop {
            let mut faults = Vec::new();
            for talker in &mut self.talkers {
                talker.listen()?;
            }
            for (one, other) in PAIRS {
                if let Ok([one, other]) = self.talkers.get_disjoint_mut([one, other]) {
                    faults.extend(verdict::between(one, other)?);
                }
            }
            for (who, database) in &databases {
                faults.extend(left_in(database, name(*who))?);
            }
            let waiting = Kept::count(self.relay.data())?.waiting;
            if waiting > 0 {
                faults.push(format!("the relay still keeps {waiting} entries"));
            }
            let unnoticed = self.network.damage().unnoticed;
            if unnoticed > 0 {
                faults.push(format!("{unnoticed} corrupted connections still stand"));
            }
            if self.relay.has_ended() {
                return Err(Failure::Broken("the relay ended by itself".to_owned()));
            }
            if faults.is_empty() || Instant::now() > deadline {
                return Ok(faults);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Every profile opens once more, and holds the same.
    fn open_once_more(&mut self) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        for talker in &mut self.talkers {
            let before = histories(talker)?;
            if !talker.person.quit() {
                faults.push(format!("{} did not end when asked to", name(talker.who)));
            }
            talker.person.start_again()?;
            talker.person.open()?;
            if histories(talker)? != before {
                faults.push(format!(
                    "{} has another history after a start",
                    name(talker.who)
                ));
            }
        }
        Ok(faults)
    }
}

type Talking = JoinHandle<(Talker, Result<(), Failure>)>;

fn start(mut talker: Talker, over: &Arc<AtomicBool>) -> Talking {
    let over = Arc::clone(over);
    std::thread::spawn(move || {
        let talked = talker.talk(&over);
        (talker, talked)
    })
}

fn histories(talker: &mut Talker) -> Result<Vec<History>, Failure> {
    let read = talker.talks.iter().map(|talk| {
        talker.person.turn_to(&talk.conversation);
        History::read(&mut talker.person)
    });
    read.collect()
}

/// What passes through a profile and is still there.
fn left_in(database: &Connection, name: &str) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for table in PASSING {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = database.query_row(&sql, [], |row| row.get(0))?;
        if rows > 0 {
            faults.push(format!("{rows} rows are left in {name}'s {table}"));
        }
    }
    Ok(faults)
}

impl Settings {
    /// The line that repeats it.
    #[must_use]
    pub fn line(&self) -> String {
        let seconds = self.length.as_secs();
        let namespaces = match self.network {
            Kind::Proxy => "",
            Kind::Namespaces => " --namespaces",
        };
        let seed = self.seed;
        format!("cargo xtask chaos --seed {seed} --seconds {seconds}{namespaces}")
    }

    /// Writes the story to `folder`, and the programs' logs beside it if something is wrong.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, report: &Report, folder: &Path) -> std::io::Result<PathBuf> {
        let network = match self.network {
            Kind::Proxy => "proxy",
            Kind::Namespaces => "namespaces",
        };
        let folder = folder.join(format!("{}-{network}", self.seed));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("story.txt");
        let mut text = format!("{}\n{report}\n", self.line());
        for fault in &report.faults {
            let _ = writeln!(text, "WRONG: {fault}");
        }
        std::fs::write(&path, format!("{text}\n{}", report.story))?;
        for from in report
            .folder
            .iter()
            .flat_map(|from| from.read_dir())
            .flatten()
        {
            let from = from?.path();
            if from.extension().is_some_and(|end| end == "log") {
                let name = from.file_name().unwrap_or_default();
                std::fs::copy(&from, folder.join(name))?;
            }
        }
        Ok(path)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for notice in &self.notices {
            writeln!(f, "{notice}")?;
        }
        let befell = self
            .befell
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        let Damage {
            connections,
            corrupted,
            swallowed,
            ..
        } = self.damage;
        writeln!(f, "faults: {}", befell.collect::<Vec<_>>().join(", "))?;
        writeln!(
            f,
            "{connections} connections through the proxy, {corrupted} of them corrupted and ended; {swallowed} bytes swallowed"
        )?;
        write!(
            f,
            "{} texts accepted, clients started again {} times; everything in its place after {:.1} s",
            self.accepted,
            self.restarts,
            self.settled.as_secs_f64()
        )
    }
}
