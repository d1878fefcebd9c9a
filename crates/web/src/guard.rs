//! Who may ask at all: pages of this very origin, under its one name. And what every answer says
//! to the browser about what the page may do.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use std::sync::Arc;

use crate::http;
use crate::problem::Refused;
use crate::server::Shared;

/// The one name of this host, in each spelling that is needed.
#[derive(Debug)]
pub(crate) struct Name {
    /// `127.0.0.1:PORT`.
    host: String,
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
    policy: HeaderValue,
}

impl Name {
    pub(crate) fn new(port: u16) -> Self {
        let host = format!("127.0.0.1:{port}");
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
             font-src 'self'; connect-src 'self' ws://{host}; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            origin: format!("http://{host}"),
            // Digits and letters of ours; it always is one.
            policy: HeaderValue::try_from(policy)
                .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'")),
            host,
        }
    }

    /// Exactly one `Host`, and exactly ours. A page that has its own name point to this machine
    /// (DNS rebinding) sends its own.
    fn is_asked(&self, request: &Request) -> bool {
        let one = only(request.headers(), &HOST) == Some(self.host.as_bytes());
        let whole = request.uri().authority();
        one && whole.is_none_or(|whole| whole.as_str() == self.host)
    }

    /// Exactly one `Origin`, and exactly ours. Browsers let no page write it.
    pub(crate) fn is_origin_of(&self, headers: &HeaderMap) -> bool {
        only(headers, &ORIGIN) == Some(self.origin.as_bytes())
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    all.next().is_none().then(|| first.as_bytes())
}

/// Stands before everything: refuses other names, and signs every answer with the policies.
pub(crate) async fn stand(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let name = &shared.name;
    let mut response = if name.is_asked(&request) {
        next.run(request).await
    } else {
        let words = format!(
            "Sotto is not at this name. Nothing was opened. Its one address is {}, and a page \
             gets in with what stands after the # in the terminal.\n",
            name.origin
        );
        (StatusCode::FORBIDDEN, words).into_response()
    };
    let headers = response.headers_mut();
    headers.insert("content-security-policy", name.policy.clone());
    for (header, value) in POLICIES {
        headers.insert(*header, HeaderValue::from_static(value));
    }
    response
}

const POLICIES: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // The clipboard is left: invites are copied and pasted.
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), \
         display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
         hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), \
         payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), \
         serial=(), sync-xhr=(), usb=(), xr-spatial-tracking=()",
    ),
];

/// A request of a page of ours. Asked for before anything else of the request is taken.
pub(crate) struct OurPage;

impl FromRequestParts<Arc<Shared>> for OurPage {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        if shared.name.is_origin_of(&parts.headers) {
            Ok(Self)
        } else {
            Err(http::refuse(Refused::OtherSite))
        }
    }
}
