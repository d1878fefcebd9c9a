//! The screens: files that were put into the program when it was built.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
    VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::problem::StartError;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Where, below the root, with `/` between folders.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// Differs when the content does.
    pub mark: &'static str,
    /// The content.
    pub raw: &'static [u8],
    /// The content compressed, where that is shorter.
    pub gzip: Option<&'static [u8]>,
}

/// The files that a browser gets. The page itself is `index.html`.
#[derive(Clone, Copy, Debug)]
pub struct Screens(&'static [File]);

static BUILT_IN: &[File] = include!(concat!(env!("OUT_DIR"), "/screens.rs"));

/// The page itself.
const PAGE: &str = "index.html";
/// Names of files in here hold a mark of their content, so that they never change.
const UNCHANGING: &str = "assets/";

impl Screens {
    /// Those that this program was built with.
    ///
    /// # Errors
    /// It was built without.
    pub fn built_in() -> Result<Self, StartError> {
        Self::of(BUILT_IN)
    }

    /// Other ones.
    ///
    /// # Errors
    /// There is no `index.html` among them.
    pub fn of(files: &'static [File]) -> Result<Self, StartError> {
        let screens = Self(files);
        match screens.at(PAGE) {
            Some(_) => Ok(screens),
            None => Err(StartError::ScreensMissing),
        }
    }

    /// All of them.
    #[must_use]
    pub fn files(self) -> &'static [File] {
        self.0
    }

    fn at(self, path: &str) -> Option<&'static File> {
        self.0.iter().find(|file| file.path == path)
    }

    /// Answers a request for the path of an address.
    pub(crate) fn answer(self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let inside = match path.strip_prefix('/')? {
            "" => PAGE,
            inside => inside,
        };
        let file = self.at(inside)?;
        Some(file.answer(headers))
    }
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let gzip = self.gzip.filter(|_| takes_gzip(headers));
        // Two encodings are two things to a cache.
        let mark = match gzip {
            Some(_) => format!("\"{}-gz\"", self.mark),
            None => format!("\"{}\"", self.mark),
        };
        let cache = if self.path.starts_with(UNCHANGING) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let known = headers
            .get(IF_NONE_MATCH)
            .is_some_and(|known| known.as_bytes() == mark.as_bytes());
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Body::from(gzip.unwrap_or(self.raw)).into_response()
        };
        let out = response.headers_mut();
        if !known {
            out.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if gzip.is_some() {
                out.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        out.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        out.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(mark) = HeaderValue::try_from(mark) {
            out.insert(ETAG, mark);
        }
        response
    }
}

/// Whether gzip is named and not ruled out (`gzip;q=0`).
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let gzip = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let ruled_out = parts.any(|part| {
                part.strip_prefix("q=")
                    .and_then(|q| q.parse::<f32>().ok())
                    .is_some_and(|q| q <= 0.0)
            });
            gzip && !ruled_out
        })
}
