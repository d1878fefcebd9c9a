//! The pages for people: what this is, and what to do with an invite that was opened in a browser.
//! Nothing on them comes from anywhere else, nothing is asked, and they work without scripts.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sotto_suite::hash::sha256;
use sotto_wire::RelayAddress;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/invite.js");
const MARK: &str = r##"<svg class="mark" viewBox="0 0 512 512" aria-hidden="true"><rect width="512" height="512" rx="116" fill="#186074"/><path fill="#fcfaf7" d="M210 112H302A122 122 0 0 1 302 356H250C224 384 190 406 146 414C164 390 168 366 162 346A122 122 0 0 1 210 112Z"/><g fill="#186074"><circle cx="179" cy="234" r="33"/><circle cx="268" cy="234" r="23"/><circle cx="339" cy="234" r="14"/></g></svg>"##;

/// The mark as browsers show it in a tab.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%23186074'/%3E%3Cpath fill='%23fcfaf7' d='M12 6H20A8 8 0 0 1 20 22H16.5C14.5 24.5 11.7 26.3 8 27C9.6 24.8 9.8 22.8 9.4 21.56A8 8 0 0 1 12 6Z'/%3E%3C/svg%3E";

/// A page, made once.
#[derive(Clone)]
pub(crate) struct Page {
    body: Arc<str>,
    policy: HeaderValue,
}

impl Page {
    /// `/`: what this is, and its address.
    pub(crate) fn landing(address: &RelayAddress) -> Self {
        let address = escaped(&address.to_string());
        let code = code(&address);
        let body = format!(
            "{MARK}<h1>This is a Sotto relay</h1>\
             <p>Sotto is a messenger. This machine passes sealed messages on to the people they are \
             for, and can't read them: it knows no names, no accounts and no contacts.</p>\
             <h2>Its address</h2><code class=\"address\">{address}</code>{code}\
             <h2>To use it</h2><ol><li>In Sotto, create a profile and put the address into the field \
             <b>Relay</b>. A phone's camera reads it from the code.</li><li>Invite somebody: your invites name this relay by \
             themselves.</li></ol>\
             <p class=\"quiet\">What it keeps, for how long, and what it could see is written down in \
             Sotto's threat model. This page loads nothing from elsewhere and sets no cookie.</p>"
        );
        Self::new("Sotto relay", &body, None)
    }

    /// `/i`: an invite that was opened in a browser.
    pub(crate) fn invite() -> Self {
        let body = format!(
            "{MARK}<h1>You have an invite to Sotto</h1>\
             <p>Somebody wants to talk with you where nobody else can listen. Sotto opens invites, \
             not the browser.</p>\
             <a class=\"button\" id=\"open\" hidden rel=\"noreferrer\">Open in Sotto</a>\
             <p id=\"missing\" hidden><b>This link is not complete:</b> what has to stand after the # \
             is missing. Ask for the invite again, and copy all of it.</p>\
             <h2>By hand</h2><ol><li>Copy the whole address of this page, with everything after \
             the #.</li><li>In Sotto, choose <b>New conversation</b>, then paste it.</li></ol>\
             <p class=\"quiet\">What stands after the # is the secret of the invite. Browsers send it \
             to nobody, so this relay has not seen it. Don't pass the link on: whoever opens it first \
             is taken for you.</p>\
             <script>{SCRIPT}</script>"
        );
        Self::new("An invite to Sotto", &body, Some(SCRIPT))
    }

    fn new(title: &str, main: &str, script: Option<&str>) -> Self {
        let body = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
             <link rel=\"icon\" href=\"{ICON}\">\
             <style>{STYLE}</style></head><body><main>{main}</main></body></html>"
        );
        let script = script.map_or_else(|| "'none'".to_owned(), source);
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            source(STYLE)
        );
        Self {
            body: body.into(),
            // Letters, digits and quotes alone.
            policy: HeaderValue::try_from(policy)
                .unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    /// As it is answered.
    pub(crate) fn response(&self) -> Response {
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (headers, self.body.to_string()).into_response()
    }
}

/// How a policy names a piece of the page itself.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(sha256(&[text.as_bytes()])))
}

/// A host may hold what HTML reads otherwise only if somebody breaks the rules of addresses.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// The address as a picture, with the quiet zone of four that the standard wants (ISO/IEC 18004).
fn code(address: &str) -> String {
    const QUIET: usize = 4;
    /// Pixels of one square.
    const SQUARE: usize = 5;
    let Ok(code) = qrcode::QrCode::with_error_correction_level(address, qrcode::EcLevel::M) else {
        return String::new();
    };
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        // A run of dark squares is one bar.
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&qrcode::Color::Dark) {
                // Writing into a String does not fail.
                let _ = write!(path, "M{x} {y}h{0}v1h-{0}z", run.len());
            }
            x += run.len();
        }
    }
    let all = width + 2 * QUIET;
    let pixels = all * SQUARE;
    format!(
        "<svg class=\"code\" width=\"{pixels}\" height=\"{pixels}\" viewBox=\"-{QUIET} -{QUIET} {all} {all}\" role=\"img\" aria-label=\"The relay's address as a QR code\" shape-rendering=\"crispEdges\"><path fill=\"currentColor\" d=\"{path}\"/></svg>"
    )
}
