//! What a program and everything that it started costs, by /proc (proc(5)).

use std::time::Duration;

/// The process `root` and all that descend from it; the views' own processes do.
pub fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>()
            && let Some(fields) = stat(id)
        {
            parents.push((id, fields[1].parse::<u32>().unwrap()));
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(id, _)| *id),
        );
        at += 1;
    }
    found
}

/// Proportional set size of all of them together, in MiB: what is shared counts in shares.
pub fn memory(root: u32) -> f64 {
    let kib = |id: &u32| -> Option<f64> {
        let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    tree(root).iter().filter_map(kib).sum::<f64>() / 1024.0
}

/// User and system time of all of them together until now, those included that have ended and were
/// waited for.
pub fn used(root: u32) -> Duration {
    let ticks = |id: &u32| -> u64 {
        stat(*id).map_or(0, |fields| {
            fields[11..15]
                .iter()
                .map(|ticks| ticks.parse::<u64>().unwrap_or(0))
                .sum()
        })
    };
    // In hundredths of a second, on every Linux that this runs on.
    Duration::from_millis(tree(root).iter().map(ticks).sum::<u64>() * 10)
}

/// The fields of /proc/ID/stat after the name, which may hold anything: state, parent, ...
fn stat(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
