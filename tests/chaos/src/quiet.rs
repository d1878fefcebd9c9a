//! The quiet at the end: nothing goes wrong any more, and everything comes to its place.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use sotto_tests::{Failure, History, Kept, open_database};

use crate::plan::PAIRS;
use crate::scene::Scene;
use crate::talker::{Talker, name};
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

impl Scene {
    /// Waits until everything is as it should be. What is not by then is told.
    pub(crate) fn come_to_rest(&mut self) -> Result<Vec<String>, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let databases = self.talkers.iter().map(|talker| {
            let database = open_database(&talker.person.profile_folder())?;
            Ok((talker.who, database))
        });
        let databases = databases.collect::<Result<Vec<_>, Failure>>()?;
        loop {
            let faults = match self.look(&databases) {
                // The last kill may have been a moment ago.
                Err(error) if error.is_end() => vec![error.to_string()],
                faults => faults?,
            };
            if faults.is_empty() || Instant::now() > deadline {
                return Ok(faults);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Everything that is not as it should be.
    fn look(&mut self, databases: &[(usize, Connection)]) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        for talker in &mut self.talkers {
            talker.listen()?;
        }
        for (one, other) in PAIRS {
            if let Ok([one, other]) = self.talkers.get_disjoint_mut([one, other]) {
                faults.extend(verdict::between(one, other)?);
            }
        }
        for (who, database) in databases {
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
        Ok(faults)
    }

    /// Every profile opens once more, and holds the same.
    pub(crate) fn open_once_more(&mut self) -> Result<Vec<String>, Failure> {
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
