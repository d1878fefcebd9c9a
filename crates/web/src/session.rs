//! `POST /session`: the address's token becomes a session.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, ORIGIN};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use sotto_suite::Secret;

use crate::http;
use crate::problem::Refused;
use crate::server::{Shared, Told};
use crate::sessions;

/// Longest request, in bytes.
const LONGEST: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    token: String,
}

#[derive(Serialize)]
struct Answer {
    session: String,
}

/// The token that a request names; none if it is no such request. What is no secret at all could
/// only ever be an unknown one.
#[must_use]
pub fn token_of(body: &[u8]) -> Option<Option<Secret<32>>> {
    let asked: Asked = serde_json::from_slice(body).ok()?;
    Some(sessions::secret(&asked.token))
}

pub(crate) async fn exchange(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = tokio::time::timeout(shared.limits.request, to_bytes(body, LONGEST)).await;
    let token = match body {
        Ok(Ok(body)) => token_of(&body),
        _ => None,
    };
    if !shared.name.is_origin_of(&headers) {
        // Read all the same: a good token in other hands must not stay good.
        if let Some(Some(token)) = token
            && shared.sessions.revoke(&token)
        {
            shared.tell(Told::TokenStolen(thief(&headers)));
            shared.tell_address();
        }
        return http::refuse(Refused::OtherSite);
    }
    let session = match token {
        None => Err(Refused::Unreadable),
        Some(None) => Err(Refused::TokenUnknown),
        Some(Some(token)) => shared.sessions.exchange(&token),
    };
    match session {
        Ok(session) => {
            shared.tell_address();
            let answer = Answer { session };
            let text = serde_json::to_string(&answer).unwrap_or_default();
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, text).into_response()
        }
        Err(refused) => http::refuse(refused),
    }
}

/// What the thief's browser says of where it is, shortened.
fn thief(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(ORIGIN)?.to_str().ok()?;
    Some(origin.chars().take(100).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use sotto_suite::{RandomExt as _, SystemRandom};

    use super::*;
    use crate::sessions::text;

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body: Vec<u8>) {
            let _ = token_of(&body);
        }

        #[test]
        fn almost_tokens_do_not_either(token in "[A-Za-z0-9_=+/é-]{0,50}", rest in "[,:{} a-z\"]{0,9}") {
            let body = format!(r#"{{"token":"{token}"{rest}}}"#);
            if let Some(Some(read)) = token_of(body.as_bytes()) {
                // One spelling only.
                prop_assert_eq!(text(&read), token);
            }
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_printed() {
        let token: Secret<32> = SystemRandom::new().secret();
        let body = serde_json::json!({ "token": text(&token) }).to_string();
        assert_eq!(token_of(body.as_bytes()), Some(Some(token)));
    }
}
