//! The NATS servers on which everything is kept, where it is not kept in the data folder.

use async_nats::jetstream::stream::Info;

use super::Finding;
use crate::operation::servers::look;
use crate::operation::stats::size;
use crate::store::nats::NatsOptions;
use crate::store::nats::inspect::{Found, Look};

/// Bytes of the largest message that the relay writes, and some.
const MESSAGE: usize = 1 << 20;
/// Room below which it is time to act, and below which nothing works for long.
const ENOUGH: u64 = 2 << 30;
const LEAST: u64 = 128 << 20;

/// Everything; `identity` is that of the key in the data folder, if there is one.
pub(super) fn all(options: &NatsOptions, identity: Option<&str>, say: &mut dyn FnMut(Finding)) {
    let Look { servers, found } = match look(options) {
        Ok(look) => look,
        Err(why) => {
            say(Finding::fail(
                format!("servers: {why}"),
                "correct the address or the file that it names",
            ));
            return;
        }
    };
    let others = found.is_some();
    for (server, reached) in servers {
        say(match reached {
            Ok(()) => Finding::ok(format!("server: {server} lets the relay in")),
            Err(trouble) => {
                let what = format!("server: {server} {trouble}");
                let todo = "is it running, and is this its address? Are user and password (?credentials=) and certificates (?authorities=) those that it asks for?";
                if others {
                    Finding::warn(what, todo)
                } else {
                    Finding::fail(what, todo)
                }
            }
        });
    }
    match found {
        None => {}
        Some(Err(error)) => say(Finding::fail(
            format!("servers: {error}"),
            "every server needs `jetstream { store_dir: … }` in its configuration, and a majority of them has to run",
        )),
        Some(Ok(found)) => kept(options, identity, &found, say),
    }
}

fn kept(
    options: &NatsOptions,
    identity: Option<&str>,
    found: &Found,
    say: &mut dyn FnMut(Finding),
) {
    say(room(found));
    if found.max_payload < MESSAGE {
        say(Finding::fail(
            format!(
                "servers: they take messages of {} bytes only",
                found.max_payload
            ),
            "take max_payload out of their configuration, or set it to 1MB",
        ));
    }
    let there: Vec<(&String, &Info)> = found
        .streams
        .iter()
        .filter_map(|(name, info)| Some((name, info.as_ref()?)))
        .collect();
    if there.is_empty() {
        say(Finding::ok("streams: will be made at the first start"));
        return;
    }
    if let Some(finding) = whose(identity, found, &there) {
        say(finding);
    }
    let mut well = true;
    for (name, info) in &there {
        for finding in state(options, name, info) {
            well = false;
            say(finding);
        }
    }
    if there.len() < found.streams.len() {
        say(Finding::warn(
            format!(
                "streams: {} of {} are not there",
                found.streams.len() - there.len(),
                found.streams.len()
            ),
            "right after an update: they are made when a relay starts; otherwise they are lost, and a backup of all streams has to be restored",
        ));
    } else if well {
        say(Finding::ok(format!(
            "streams: all {} have a leader, and their copies are complete",
            there.len()
        )));
    }
    if options.replicas == 1 {
        say(Finding::warn(
            "streams: one copy of everything",
            "for trying out only: a power cut can lose what was acknowledged; use three servers and ?replicas=3",
        ));
    }
}

/// How much more may be kept.
fn room(found: &Found) -> Finding {
    let used = size(found.used);
    let Some(most) = found.most else {
        return Finding::ok(format!(
            "room: {used} in use, no limit for this account; how much the servers have left only they themselves say (`nats server report jetstream`)"
        ));
    };
    let left = most.saturating_sub(found.used);
    let what = format!(
        "room: {} left of what this account may use, {used} in use",
        size(left)
    );
    let todo = "raise the account's limit: where there is no room a relay refuses everything new, and loses nothing";
    if left < LEAST {
        Finding::fail(what, todo)
    } else if left < ENOUGH {
        Finding::warn(what, todo)
    } else {
        Finding::ok(what)
    }
}

/// Are the streams this relay's?
fn whose(identity: Option<&str>, found: &Found, there: &[(&String, &Info)]) -> Option<Finding> {
    let Some(identity) = identity else {
        return Some(Finding::fail(
            "identity: the streams are a relay's, and the data folder has no key",
            "copy identity.key from the data folder of another relay of this address: without it this would be another relay",
        ));
    };
    let wanted = found.shape(identity);
    let said = |info: &Info| info.config.description.clone().unwrap_or_default();
    let other = there.iter().find(|(_, info)| said(info) != wanted);
    Some(match other {
        None => Finding::ok("identity: the streams are this relay's"),
        Some((name, info)) => Finding::fail(
            format!(
                "identity: the stream {name} says {:?}, expected was {wanted:?}",
                said(info)
            ),
            "all relays of one address need the same identity.key: copy it from the first one's data folder; or choose another ?prefix=",
        ),
    })
}

/// What is not well with one stream.
fn state(options: &NatsOptions, name: &str, info: &Info) -> Vec<Finding> {
    let mut findings = Vec::new();
    let copies = info.config.num_replicas;
    if copies != options.replicas {
        findings.push(Finding::warn(
            format!(
                "streams: {name} has {copies} copies, asked for are {}",
                options.replicas
            ),
            format!("nats stream edit {name} --replicas {}", options.replicas),
        ));
    }
    let Some(cluster) = info.cluster.as_ref().filter(|_| copies > 1) else {
        return findings;
    };
    if cluster.leader.as_deref().unwrap_or_default().is_empty() {
        findings.push(Finding::fail(
            format!("streams: {name} has no leader, so nothing can be stored in it"),
            "a majority of the servers that hold it has to run and to reach each other",
        ));
    }
    for replica in &cluster.replicas {
        if replica.offline || !replica.current {
            findings.push(Finding::warn(
                format!("streams: {} is behind with its copy of {name}", replica.name),
                "is that server running, and does it reach the others? Another one that fails now stops everything",
            ));
        }
    }
    findings
}
