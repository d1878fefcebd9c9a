//! What is said to the person who starts a relay: where it is, how to give it to the app, how to
//! make it reachable, how to keep it.

use std::fmt::Write as _;

use crate::config::CertificateSource;
use crate::config::settings::Settings;

/// The words, with a QR code where there is a terminal to show it.
pub(super) fn text(settings: &Settings, address: &str, terminal: bool) -> String {
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = write!(
        out,
        "\nThe relay is ready. Its address:\n\n    {address}\n\n"
    );
    if terminal {
        out.push_str(&code(address));
    }
    let _ = write!(
        out,
        "Give it to the app: copy the address into the field \"Relay\" when you create a profile{}.\nWhoever opens an invite of yours uses the same relay by itself.\n\n",
        if terminal {
            "; a phone's\ncamera reads it from the code"
        } else {
            ""
        }
    );
    let host = host_port(address);
    if reaches_only_this_machine(settings) {
        let port = host.rsplit_once(':').map_or("7443", |(_, port)| port);
        let _ = write!(
            out,
            "Only programs on this machine reach it. For other people's devices:\n\
             \x20 1. start it with   --listen 0.0.0.0:{port} --host NAME\n\
             \x20    where NAME is this machine's name or IP address as the others see it;\n\
             \x20 2. at home, forward TCP port {port} in your router to this machine.\n\n",
        );
    } else {
        let _ = write!(
            out,
            "Others reach it where {host} leads to this machine: at home, forward that TCP port in\nyour router.{}\n\n",
            if settings.config.certificate == CertificateSource::SelfMade && !settings.config.plain
            {
                " The app needs no more; for browsers, set a certificate of your own or \"acme\"."
            } else {
                ""
            }
        );
    }
    let data = settings.config.data.display();
    let on = match settings.said.get("data") {
        Some(_) => format!(" --data {data}"),
        None => String::new(),
    };
    let _ = write!(
        out,
        "Is all well?        sotto-relay{on} check\n\
         Keep a copy:        sotto-relay{on} backup FILE\n\
         What can be set:    sotto-relay{on} settings\n\
         It keeps everything in {data}\n\
         End it with Ctrl+C or SIGTERM.\n\n"
    );
    out
}

fn reaches_only_this_machine(settings: &Settings) -> bool {
    let listen = &settings.listen;
    listen.starts_with("localhost:")
        || listen
            .parse::<std::net::SocketAddr>()
            .is_ok_and(|address| address.ip().is_loopback())
}

fn host_port(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split_once('#').map_or(rest, |(host, _)| host)
}

/// The address as a QR code of half blocks, dark on light whatever the terminal's colours are.
fn code(address: &str) -> String {
    let Ok(code) = qrcode::QrCode::with_error_correction_level(address, qrcode::EcLevel::L) else {
        return String::new();
    };
    let width = code.width();
    let colors = code.to_colors();
    let dark = |x: usize, y: usize| {
        // A quiet zone of two around it.
        let (Some(x), Some(y)) = (x.checked_sub(2), y.checked_sub(2)) else {
            return false;
        };
        x < width && colors.get(y * width + x) == Some(&qrcode::Color::Dark)
    };
    let mut out = String::new();
    for row in (0..width + 4).step_by(2) {
        out.push_str("  \x1b[30;107m");
        for x in 0..width + 4 {
            out.push(match (dark(x, row), dark(x, row + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        out.push_str("\x1b[0m\n");
    }
    out.push('\n');
    out
}
