//! `sotto-relay stats`: how much is kept, and what goes on.

use std::io::Write as _;
use std::path::Path;

use crate::blobs::files;
use crate::config::settings::Settings;
use crate::data::{self, BLOBS, STORE};
use crate::disk;
use crate::store::nats::NatsOptions;
use crate::store::nats::inspect::Look;
use crate::store::sqlite::inspect::Inspection;

use super::{local, servers};

/// Prints it.
pub(super) fn print(settings: &Settings) -> Result<(), String> {
    let data = &settings.config.data;
    if let Some(options) = &settings.store {
        return on_servers(settings, options);
    }
    let store = data.join(STORE);
    if !store.exists() {
        return Err(format!(
            "there is no relay in {}; name its folder with --data",
            data.display()
        ));
    }
    let stock = Inspection::open(&store)
        .map_err(|error| error.to_string())?
        .stock()
        .map_err(|error| format!("the store can't be read: {error}"))?;
    line(
        "channels",
        format!("{} ({} closed by a fence)", stock.channels, stock.fenced),
    );
    line(
        "writers, subscribers",
        format!("{}, {}", stock.writers, stock.subscribers),
    );
    line(
        "entries that wait",
        format!("{} ({})", stock.waiting, size(stock.waiting_bytes)),
    );
    line(
        "the oldest of them",
        match stock.oldest {
            Some(at) => format!(
                "from {} hours ago",
                settings.config.store.clock.now().saturating_sub(at) / 3600
            ),
            None => "none".to_owned(),
        },
    );
    line("traces of gone entries", stock.gone.to_string());
    line("key packages", stock.packages.to_string());
    if let Ok(Some(look)) = files::look(&data.join(BLOBS)) {
        let usage = look.usage;
        line("blobs", format!("{} ({})", usage.blobs, size(usage.bytes)));
    }
    line("on the disk", size(disk::used(data)));
    if let Some(free) = disk::free(data) {
        line("left on the disk", size(free));
    }
    line("connections", connections(settings, data));
    Ok(())
}

/// The same of a relay that keeps everything on NATS servers. They count messages; what these hold would
/// have to be read, channel by channel.
fn on_servers(settings: &Settings, options: &NatsOptions) -> Result<(), String> {
    let Look { servers, found } = servers::look(options)?;
    let found = match found {
        Some(found) => found.map_err(|error| error.to_string())?,
        None => {
            let why = servers.into_iter().filter_map(|(server, reached)| {
                let trouble = reached.err()?;
                Some(format!("{server} {trouble}"))
            });
            return Err(why.collect::<Vec<_>>().join("; "));
        }
    };
    let (mut channels, mut messages, mut bytes, mut copies) = (0, 0, 0, 0);
    for info in found.shards().flatten() {
        channels += info.state.subjects_count;
        messages += info.state.messages;
        bytes += info.state.bytes;
        copies = info.config.num_replicas;
    }
    line(
        "channels",
        format!("{channels} (one with very much waiting is counted twice)"),
    );
    line(
        "messages in their logs",
        format!("{messages} ({})", size(bytes)),
    );
    line(
        "entries, cards, packages",
        "not known without reading every log".to_owned(),
    );
    let count = |end: &str| {
        found
            .stream(end)
            .map_or(0, |info| info.state.subjects_count)
    };
    let stored = found.stream("-parts").map_or(0, |info| info.state.bytes);
    line("blobs", count("-blobs").to_string());
    line("bytes of blobs", size(stored));
    line("copies of everything", copies.to_string());
    line("on the servers", size(found.used));
    line("connections", connections(settings, &settings.config.data));
    Ok(())
}

fn line(what: &str, value: String) {
    // Whoever has stopped reading does not want the rest.
    let _ = writeln!(std::io::stdout(), "{what:<26}{value}");
}

fn connections(settings: &Settings, data: &Path) -> String {
    if !data::in_use(data) {
        return "the relay is not running".to_owned();
    }
    let answer = local::get(settings, "/metrics");
    let counted = answer.as_ref().ok().and_then(|(_, text)| {
        let lines = text.lines();
        let mut found = lines.filter_map(|line| line.strip_prefix("sotto_relay_connections "));
        found.next().map(str::to_owned)
    });
    counted.unwrap_or_else(|| {
        let why = answer.map_or_else(|error| error, |(status, _)| format!("status {status}"));
        format!("the relay is running, but could not be asked: {why}")
    })
}

/// Bytes as a person reads them.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "one digit after the point is shown"
    )]
    let mut value = bytes as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while value >= 1024.0
        && let Some(next) = units.next()
    {
        value /= 1024.0;
        unit = Some(next);
    }
    format!("{value:.1} {}", unit.unwrap_or(&"KiB"))
}
