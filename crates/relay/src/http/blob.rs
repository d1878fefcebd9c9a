//! Blobs over HTTP: `PATCH` puts bytes in, `HEAD` says how far, `GET` fetches.
//!
//! The words are those of "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload) and of
//! RFC 9110. Making, keeping and deleting go over the WebSocket, where the owner's key is proven.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ORIGIN, RANGE, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use sotto_suite::hash::sha256;
use sotto_wire::{BlobId, BlobState, ByteRange, Refusal, RefusalCode, UploadKey, encode, limits};
use subtle::ConstantTimeEq as _;
use tokio::sync::OwnedSemaphorePermit;

use super::{Accepted, origins_allowed};
use crate::addresses::{Place, Transfer};
use crate::blobs::{BlobError, BlobStore};
use crate::server::Shared;

/// Bytes that are read or made durable at once, and so the memory of one transfer.
const PIECE: usize = 512 * 1024;

const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
/// The access token of a private relay.
const TOKEN: HeaderName = HeaderName::from_static("sotto-token");

/// An answer that is no success: its status, headers and the refusal in its body.
struct Refused(Box<(StatusCode, HeaderMap, Refusal)>);

/// Everything under `/b/`.
pub(super) async fn blob<S: Send + Sync + 'static>(
    State(shared): State<Arc<Shared<S>>>,
    request: Request,
) -> Response {
    if !origins_allowed(request.headers(), &shared.live.rules().allow_origins) {
        return (StatusCode::FORBIDDEN, "this origin is not let in\n").into_response();
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = match answer(&shared, request).await {
        Ok(response) => response,
        Err(Refused(refused)) => {
            let (status, headers, refusal) = *refused;
            (
                status,
                headers,
                [(CONTENT_TYPE, "application/cbor")],
                encode(&refusal),
            )
                .into_response()
        }
    };
    let headers = response.headers_mut();
    // Somebody's bytes: no browser shall take them for a page of this relay, or keep them.
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_DISPOSITION, "attachment"),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("origin"));
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("upload-offset, upload-length, upload-complete, retry-after"),
        );
    }
    response
}

async fn answer<S>(shared: &Arc<Shared<S>>, request: Request) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    // The accept loop puts it in.
    let place = head
        .extensions
        .get::<Accepted>()
        .map(|accepted| Arc::clone(&accepted.place))
        .ok_or_else(|| refuse(RefusalCode::Unavailable))?;
    if let Some(address) = place.address() {
        address.pay_request(Instant::now()).map_err(too_much)?;
    }
    let name = head.uri.path().strip_prefix("/b/").unwrap_or_default();
    let blob: BlobId = name.parse().map_err(|_| refuse(RefusalCode::NotFound))?;
    let headers = &head.headers;
    let authorization = headers.get(AUTHORIZATION);
    match head.method {
        Method::OPTIONS => Ok((
            StatusCode::NO_CONTENT,
            [
                (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, PATCH"),
                (
                    ACCESS_CONTROL_ALLOW_HEADERS,
                    "authorization, range, upload-offset, sotto-token",
                ),
                (ACCESS_CONTROL_MAX_AGE, "3600"),
            ],
        )
            .into_response()),
        Method::HEAD if authorization.is_some() => {
            let upload = upload_key(authorization)?;
            let state = shared.blobs.progress(blob, upload).await?;
            Ok((StatusCode::OK, progress(&state)).into_response())
        }
        Method::GET | Method::HEAD => {
            may_fetch(shared, headers)?;
            fetch(shared, &place, blob, &head.method, headers.get(RANGE)).await
        }
        Method::PATCH => {
            let upload = upload_key(authorization)?;
            put(shared, &place, blob, upload, headers, body).await
        }
        _ => Ok((
            StatusCode::METHOD_NOT_ALLOWED,
            [(ALLOW, "GET, HEAD, PATCH, OPTIONS")],
        )
            .into_response()),
    }
}

/// A private relay asks for its token here as well; whoever may upload has named it in the hello.
fn may_fetch<S>(shared: &Shared<S>, headers: &HeaderMap) -> Result<(), Refused> {
    let rules = shared.live.rules();
    let Some(token) = &rules.token else {
        return Ok(());
    };
    let named = headers.get(TOKEN).map_or(&[][..], HeaderValue::as_bytes);
    if bool::from(sha256(&[named]).ct_eq(token)) {
        Ok(())
    } else {
        Err(refuse(RefusalCode::Token))
    }
}

fn upload_key(header: Option<&HeaderValue>) -> Result<[u8; 32], Refused> {
    header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| UploadKey::from_authorization(value).ok())
        .map(|key| key.hash())
        .ok_or_else(|| refuse(RefusalCode::NotFound))
}

fn progress(state: &BlobState) -> [(HeaderName, HeaderValue); 3] {
    let finished = state.received == state.size;
    [
        (OFFSET, state.received.into()),
        (LENGTH, state.size.into()),
        // A boolean of structured fields (RFC 9651).
        (
            COMPLETE,
            HeaderValue::from_static(if finished { "?1" } else { "?0" }),
        ),
    ]
}

/// A place among the transfers, of all and of this address; beyond them nobody waits.
type Taken = (OwnedSemaphorePermit, Option<Transfer>);

fn take<S>(shared: &Shared<S>, place: &Place) -> Result<Taken, Refused> {
    let all = Arc::clone(&shared.transfers)
        .try_acquire_owned()
        .map_err(|_| refuse(RefusalCode::TooFast))?;
    let own = match place.address() {
        Some(address) => Some(
            address
                .transfer()
                .ok_or_else(|| refuse(RefusalCode::TooFast))?,
        ),
        None => None,
    };
    Ok((all, own))
}

fn too_much(wait: Duration) -> Refused {
    let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    refuse_with(
        StatusCode::TOO_MANY_REQUESTS,
        RefusalCode::TooFast,
        Some(wait),
    )
}

async fn fetch<S>(
    shared: &Arc<Shared<S>>,
    place: &Place,
    blob: BlobId,
    method: &Method,
    range: Option<&HeaderValue>,
) -> Result<Response, Refused> {
    let taken = take(shared, place)?;
    let size = shared.blobs.finished(blob).await?.size;
    place.settle();
    let whole = ByteRange {
        from: 0,
        until: size,
    };
    let asked = range.and_then(|value| value.to_str().ok());
    let (status, range) = match asked.map(|range| ByteRange::parse(range, size)) {
        Some(Ok(Some(range))) => (StatusCode::PARTIAL_CONTENT, range),
        None | Some(Ok(None)) => (StatusCode::OK, whole),
        Some(Err(_)) => {
            let all = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
        }
    };
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        if let Some(address) = place.address() {
            let now = Instant::now();
            address.pay_fetch(range.len(), now).map_err(too_much)?;
        }
        let blobs = Arc::clone(&shared.blobs);
        Body::from_stream(pieces(blobs, shared.limits().send, blob, range, taken))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, range.len().into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    if status == StatusCode::PARTIAL_CONTENT {
        let part = format!("bytes {}-{}/{size}", range.from, range.until - 1);
        headers.extend(HeaderValue::from_str(&part).map(|part| (CONTENT_RANGE, part)));
    }
    Ok(response)
}

/// The bytes, read as they are taken. Whoever takes a piece more slowly than a frame may take ends
/// the transfer; so does a blob that goes meanwhile.
fn pieces(
    blobs: Arc<dyn BlobStore>,
    patience: Duration,
    blob: BlobId,
    range: ByteRange,
    taken: Taken,
) -> impl stream::Stream<Item = Result<Bytes, BlobError>> {
    let start = (range.from, None::<Instant>, taken);
    stream::try_unfold(start, move |(from, last, taken)| {
        let blobs = Arc::clone(&blobs);
        async move {
            if from >= range.until {
                return Ok(None);
            }
            if last.is_some_and(|last| last.elapsed() > patience) {
                return Err(BlobError::Unavailable);
            }
            let until = range.until.min(from.saturating_add(PIECE as u64));
            let bytes = blobs.read(blob, ByteRange { from, until }).await?;
            let now = Some(Instant::now());
            Ok(Some((bytes, (until, now, taken))))
        }
    })
}

/// Takes a part in, a piece at a time; each is durable before the next is read. What has come when
/// the sender stops stays, and is what it goes on from.
async fn put<S>(
    shared: &Arc<Shared<S>>,
    place: &Place,
    blob: BlobId,
    upload: [u8; 32],
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let number = |name: &HeaderName| -> Option<u64> {
        let text = headers.get(name)?.to_str().ok()?;
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    let mut offset = number(&OFFSET).ok_or_else(|| refuse(RefusalCode::Malformed))?;
    if number(&CONTENT_LENGTH).is_some_and(|len| len > limits::MAX_BLOB_PART) {
        return Err(refuse(RefusalCode::TooLarge));
    }
    let _taken = take(shared, place)?;
    // Before a byte of the body is read: has this sender anything to say here?
    let mut state = shared.blobs.progress(blob, upload).await?;
    if state.received != offset {
        return Err(BlobError::Offset {
            received: state.received,
        }
        .into());
    }
    place.settle();
    let mut left = limits::MAX_BLOB_PART.min(state.size - offset);
    let mut body = body.into_data_stream();
    let (mut ended, mut come) = (Ended::No, Vec::new());
    while matches!(ended, Ended::No) || !come.is_empty() {
        if matches!(ended, Ended::No) {
            ended = gather(&mut body, &mut come, shared.limits().send).await;
        }
        // What comes in other sizes is cut to this one, in which it is also read.
        let rest = come.split_off(come.len().min(PIECE));
        let piece = std::mem::replace(&mut come, rest);
        let len = piece.len() as u64;
        if len > left {
            return Err(refuse(RefusalCode::TooLarge));
        }
        state = shared
            .blobs
            .write(blob, upload, offset, piece.into())
            .await?;
        (left, offset) = (left - len, offset + len);
    }
    match ended {
        Ended::Broken => Err(refuse(RefusalCode::TooFast)),
        Ended::No | Ended::Whole => Ok((StatusCode::NO_CONTENT, progress(&state)).into_response()),
    }
}

enum Ended {
    No,
    Whole,
    Broken,
}

/// Fills a piece, as far as there is something to fill it with in time.
async fn gather(
    body: &mut axum::body::BodyDataStream,
    piece: &mut Vec<u8>,
    patience: Duration,
) -> Ended {
    let filling = async {
        while piece.len() < PIECE {
            match body.next().await {
                Some(Ok(bytes)) => piece.extend_from_slice(&bytes),
                Some(Err(_)) => return Ended::Broken,
                None => return Ended::Whole,
            }
        }
        Ended::No
    };
    tokio::time::timeout(patience, filling)
        .await
        .unwrap_or(Ended::Broken)
}

fn refuse(code: RefusalCode) -> Refused {
    let (status, retry_after_ms) = match code {
        RefusalCode::NotFound => (StatusCode::NOT_FOUND, None),
        RefusalCode::Token => (StatusCode::UNAUTHORIZED, None),
        RefusalCode::Offset => (StatusCode::CONFLICT, None),
        RefusalCode::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
        RefusalCode::TooFast => (StatusCode::TOO_MANY_REQUESTS, Some(1000)),
        RefusalCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(1000)),
        _ => (StatusCode::BAD_REQUEST, None),
    };
    refuse_with(status, code, retry_after_ms)
}

fn refuse_with(status: StatusCode, code: RefusalCode, retry_after_ms: Option<u32>) -> Refused {
    let mut headers = HeaderMap::new();
    headers.extend(retry_after_ms.map(|ms| (RETRY_AFTER, ms.div_ceil(1000).into())));
    let refusal = Refusal {
        code,
        retry_after_ms,
        handshakes: None,
    };
    Refused(Box::new((status, headers, refusal)))
}

impl From<BlobError> for Refused {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound => refuse(RefusalCode::NotFound),
            BlobError::Offset { received } => {
                let mut refused = refuse(RefusalCode::Offset);
                refused.0.1.insert(OFFSET, received.into());
                refused
            }
            BlobError::TooLarge => refuse(RefusalCode::TooLarge),
            // Neither comes from what HTTP can ask.
            BlobError::Taken | BlobError::Quota => refuse(RefusalCode::Quota),
            BlobError::Unavailable => refuse(RefusalCode::Unavailable),
        }
    }
}
