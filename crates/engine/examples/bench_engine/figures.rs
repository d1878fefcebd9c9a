//! The runs, and the lines that they print.

use std::path::Path;

use mls_rs_core::crypto::CipherSuite;
use serde_json::json;
use sotto_engine::Suite;

use crate::clock::{Spent, written};
use crate::peer::Bare;
use crate::talk::{Costs, Sizes, Talk};

/// Turns of ours and the peer's.
const TURNS: usize = 24;
/// Texts one by one in a turn.
const SINGLES: usize = 40;
/// Texts in one input: the most that the engine takes.
const BURST: usize = 256;

pub struct Place<'a> {
    pub name: &'a str,
    pub folder: &'a Path,
}

/// What ends up on disk for each message.
pub struct Written {
    sizes: Sizes,
    /// Bytes handed to the system for one message of both people, and for one bare row.
    single: (f64, f64),
    burst: (f64, f64),
}

fn line(name: &str, value: f64, unit: &str, peer: String, ratio: Option<f64>) {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    let line = json!({
        "name": name,
        "value": round(value),
        "unit": unit,
        "peer": peer,
        "ratio": ratio.map(round),
    });
    println!("{line}");
}

/// A rate beside the rate of the peer.
fn rate(name: &str, count: usize, ours: f64, peer: &str, theirs: f64) {
    let (ours, theirs) = (count as f64 / ours, count as f64 / theirs);
    let peer = format!("{peer} {theirs:.0}");
    line(name, ours, "1/s", peer, Some(ours / theirs));
}

fn standard() -> Suite {
    let provider = mls_rs_crypto_rustcrypto::RustCryptoProvider::default();
    Suite::of(provider, CipherSuite::CURVE25519_CHACHA)
}

/// Every figure of one place.
pub fn all(place: &Place<'_>) -> Written {
    let mut ours = Talk::new(place.folder, Suite::sotto());
    let mut other = Talk::new(place.folder, standard());
    let mut warm = Costs::default();
    for _ in 0..BURST / 8 {
        ours.say(1, &mut warm);
        other.say(1, &mut warm);
    }
    let mut bare = Bare::new(place.folder, ours.sizes().row as usize);
    let single = single(place, &mut ours, &mut other, &mut bare);
    let burst = burst(place, &mut ours, &mut other, &mut bare);
    ours.check();
    other.check();
    Written {
        sizes: ours.sizes(),
        single,
        burst,
    }
}

fn single(place: &Place<'_>, ours: &mut Talk, other: &mut Talk, bare: &mut Bare) -> (f64, f64) {
    let (mut costs, mut theirs, mut rows) = (Costs::default(), Costs::default(), Spent::default());
    let mut bytes = (0, 0);
    for _ in 0..TURNS {
        let start = written();
        for _ in 0..SINGLES {
            ours.say(1, &mut costs);
        }
        let middle = written();
        for _ in 0..SINGLES {
            bare.insert(1, &mut rows);
        }
        bytes = (bytes.0 + middle - start, bytes.1 + written() - middle);
        for _ in 0..SINGLES {
            other.say(1, &mut theirs);
        }
        ours.rest();
        other.rest();
    }
    let at = place.name;
    let peer = "bare SQLCipher, a row a transaction:";
    let row = rows.median();
    let send = costs.send.median() + costs.place.median();
    let name = format!("send one text, one by one, {at}");
    rate(&name, 1, send, peer, row);
    let name = format!("receive one text, one by one, {at}");
    rate(&name, 1, costs.receive.median(), peer, row);
    let both =
        |costs: &Costs| (costs.send.median() + costs.place.median() + costs.receive.median()) * 1e6;
    let (mine, standard) = (both(&costs), both(&theirs));
    let peer = format!("engine on a standard suite {standard:.0}");
    let name = format!("one text, both engines, one by one, {at}");
    line(&name, mine, "µs", peer, Some(mine / standard));
    let each = |bytes: u64| bytes as f64 / (TURNS * SINGLES) as f64;
    (each(bytes.0), each(bytes.1))
}

fn burst(place: &Place<'_>, ours: &mut Talk, other: &mut Talk, bare: &mut Bare) -> (f64, f64) {
    let (mut costs, mut theirs, mut rows) = (Costs::default(), Costs::default(), Spent::default());
    let mut bytes = (0, 0);
    for _ in 0..TURNS {
        let start = written();
        ours.say(BURST, &mut costs);
        let middle = written();
        bare.insert(BURST, &mut rows);
        bytes = (bytes.0 + middle - start, bytes.1 + written() - middle);
        other.say(BURST, &mut theirs);
        ours.rest();
        other.rest();
    }
    let at = place.name;
    let peer = "bare SQLCipher, 256 rows a transaction:";
    // What comes back fills two inputs.
    let send = costs.send.median() + 2.0 * costs.place.median();
    let name = format!("send texts, bursts of 256, {at}");
    rate(&name, BURST, send, peer, rows.median());
    let name = format!("receive texts, bursts of 256, {at}");
    rate(&name, BURST, costs.receive.median(), peer, rows.median());
    // Wall time depends on who else is on the machine; the processor's own account does not.
    let micros = 1e6 / BURST as f64;
    let peer = format!("bare SQLCipher {:.1}", rows.processor() * micros);
    let part = |name: &str, ours: f64, standard: f64| {
        let name = format!("processor time to {name} a text in a burst, {at}");
        let peer = format!("engine on a standard suite {:.1}", standard * micros);
        line(&name, ours * micros, "µs", peer, Some(ours / standard));
    };
    let send = |costs: &Costs| costs.send.processor() + 2.0 * costs.place.processor();
    part("send", send(&costs), send(&theirs));
    part(
        "receive",
        costs.receive.processor(),
        theirs.receive.processor(),
    );
    let whole = send(&costs) + costs.receive.processor();
    let name = format!("processor time of both engines, a text in a burst, {at}");
    line(
        &name,
        whole * micros,
        "µs",
        peer,
        Some(whole / rows.processor()),
    );
    let each = |bytes: u64| bytes as f64 / (TURNS * BURST) as f64;
    (each(bytes.0), each(bytes.1))
}

/// Bytes that a message leaves behind.
pub fn state(of: &Written) {
    let Written {
        sizes,
        single,
        burst,
    } = of;
    let row = format!("the message's own row {:.0}", sizes.row);
    let ratio = Some(sizes.state / sizes.row);
    line("MLS state written a message", sizes.state, "B", row, ratio);
    for (name, (ours, theirs)) in [("one by one", single), ("bursts of 256", burst)] {
        let name = format!("bytes written a message, sender and receiver together, {name}");
        let peer = format!("bare SQLCipher, one row {theirs:.0}");
        line(&name, *ours, "B", peer, Some(ours / theirs));
    }
}

/// What the disk takes to make four KiB durable: no figure above can be better than that.
pub fn sync_cost(folder: &Path) {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile_in(folder).unwrap();
    file.write_all(&vec![0; 1 << 22]).unwrap();
    file.sync_all().unwrap();
    let (mut synced, mut plain) = (Spent::default(), Spent::default());
    for turn in 0..400_u64 {
        let write = |file: &mut std::fs::File| {
            file.seek(std::io::SeekFrom::Start(turn % 1024 * 4096))
                .unwrap();
            file.write_all(&[7; 4096]).unwrap();
        };
        synced.time(|| {
            write(&mut file);
            file.sync_data().unwrap();
        });
        plain.time(|| write(&mut file));
    }
    let (synced, plain) = (synced.median() * 1e6, plain.median() * 1e6);
    let peer = format!("the same write without sync {plain:.1}");
    line(
        "sync of a 4 KiB write, disk",
        synced,
        "µs",
        peer,
        Some(synced / plain),
    );
}

/// For a profiler.
pub fn busy(folder: &Path, count: usize) {
    let mut talk = Talk::new(folder, Suite::sotto());
    let mut costs = Costs::default();
    for turn in 0..20_000 / count {
        talk.say(count, &mut costs);
        if turn % (1 + 500 / count) == 0 {
            talk.rest();
        }
    }
    talk.check();
}
