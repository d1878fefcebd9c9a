//! Everybody, the relay and the network between them, while things go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sotto_tests::{Failure, Key, Person, RelayProcess, Stage, introduce};

use crate::network::Network;
use crate::plan::{Edge, Fault, Moment, PAIRS, PEOPLE, moments};
use crate::report::Report;
use crate::run::Settings;
use crate::story::Story;
use crate::talker::{Handle, Talker};

/// How often is looked whether everybody is still there.
const LOOK: Duration = Duration::from_millis(500);

/// A machine that sleeps this much longer than it was told does not say much about patience.
const STANDSTILL: Duration = Duration::from_secs(10);

/// Everybody and everything. Fields are dropped in order: people, relay, network.
pub(crate) struct Scene {
    pub(crate) talkers: Vec<Talker>,
    handles: Vec<Handle>,
    pub(crate) relay: RelayProcess,
    /// Killed, and not yet started again.
    relay_down: bool,
    pub(crate) network: Network,
    story: Story,
}

impl Scene {
    /// Relay, profiles, and the introductions. Nothing goes wrong before that is done.
    pub(crate) fn set(stage: &Stage, settings: &Settings) -> Result<Self, Failure> {
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

    /// Lets everything happen, and judges.
    pub(crate) fn play(&mut self, settings: &Settings) -> Report {
        let mut report = Report::default();
        if let Err(failure) = self.go_through(settings, &mut report) {
            report.faults.push(failure.to_string());
        }
        report.damage = self.network.damage();
        report.story = self.story.text();
        report
    }

    fn go_through(&mut self, settings: &Settings, report: &mut Report) -> Result<(), Failure> {
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
        let began = Instant::now();
        report.faults = self.come_to_rest()?;
        report.settled = began.elapsed();
        let talks = self.talkers.iter().flat_map(|talker| &talker.talks);
        report.accepted = talks.map(|talk| talk.said.len()).sum();
        report.restarts = self.talkers.iter().map(Talker::lives).sum();
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
            let before = Instant::now();
            std::thread::sleep(left.min(LOOK));
            if before.elapsed() > STANDSTILL {
                let long = before.elapsed().as_secs();
                let said =
                    format!("* this machine stood still for {long} s: so may be what is late");
                self.story.tell(None, said);
            }
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
                if !self.network.end(who, trouble)? {
                    return Ok(());
                }
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
}

type Talking = JoinHandle<(Talker, Result<(), Failure>)>;

fn start(mut talker: Talker, over: &Arc<AtomicBool>) -> Talking {
    let over = Arc::clone(over);
    std::thread::spawn(move || {
        let talked = talker.talk(&over);
        (talker, talked)
    })
}
