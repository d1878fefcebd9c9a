//! The certificate that is shown: whose, for whom, until when.

use super::Finding;
use crate::certificate::{self, Certified};
use crate::config::CertificateSource;
use crate::config::settings::Settings;
use crate::store::Seconds;

const DAY: Seconds = 24 * 60 * 60;

/// Looks at it.
pub(super) fn certificate(settings: &Settings, now: Seconds, say: &mut dyn FnMut(Finding)) {
    let host = settings.config.host.clone().unwrap_or_default();
    let certified = match &settings.config.certificate {
        CertificateSource::SelfMade => {
            say(Finding::ok(
                "certificate: self-made, renewed by itself; the app needs no other, browsers do",
            ));
            return;
        }
        CertificateSource::Files { certificate, key } => {
            match certificate::again(certificate, key, now) {
                Ok(certified) => certified,
                Err(error) => {
                    say(Finding::fail(
                        format!("certificate: {error}"),
                        "the app goes on, for it trusts the relay's identity; browsers don't",
                    ));
                    return;
                }
            }
        }
        CertificateSource::Acme(options) => match certificate::acme::read(&settings.config.data) {
            Some(certified) => certified,
            None => {
                say(Finding::warn(
                    format!("certificate: none fetched yet from {}", options.directory),
                    format!(
                        "the authority has to reach this relay as {host}, TCP port 443; the log says why a try failed"
                    ),
                ));
                return;
            }
        },
    };
    lasts(&certified, now, say);
    say(if host.is_empty() || certified.is_for(&host) {
        Finding::ok("certificate: for this host")
    } else {
        Finding::warn(
            format!("certificate: not for {host}"),
            "set \"host\" to a name in the certificate, or get one for this host",
        )
    });
}

fn lasts(certified: &Certified, now: Seconds, say: &mut dyn FnMut(Finding)) {
    let Some(about) = certified.about() else {
        return;
    };
    let days = about.until.saturating_sub(now) / DAY;
    let what = format!(
        "certificate: good until {} ({days} days)",
        about.until_words
    );
    say(if days < 14 {
        Finding::warn(what, "renew it, and tell the relay by SIGHUP")
    } else {
        Finding::ok(what)
    });
}
