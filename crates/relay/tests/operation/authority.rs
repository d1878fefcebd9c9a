//! A certificate authority for tests: as much of ACME (RFC 8555) as one order needs. It checks the
//! proof for real, by TLS-ALPN-01 (RFC 8737) against the relay, wherever the relay listens.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};
use sotto_suite::hash::sha256;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const TOKEN: &str = "token-of-the-test-authority";

/// A running authority.
pub struct Authority {
    /// Its directory.
    pub directory: String,
    /// Its root certificate in PEM.
    pub root: String,
    state: Arc<Shared>,
}

struct Shared {
    base: String,
    host: String,
    /// Where the relay listens in truth.
    relay: Mutex<Option<u16>>,
    ca: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    /// Thumbprint of the account's key.
    account: Mutex<String>,
    proven: Mutex<Option<bool>>,
    issued: Mutex<Option<String>>,
}

impl Authority {
    /// For this host.
    pub async fn start(host: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "test authority");
        let ca = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let root = ca.as_ref().pem();
        let own = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&own, &ca).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(sotto_suite::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(own.serialize_der()).into(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let state = Arc::new(Shared {
            base: base.clone(),
            host: host.to_owned(),
            relay: Mutex::default(),
            ca,
            account: Mutex::default(),
            proven: Mutex::default(),
            issued: Mutex::default(),
        });
        let app = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", get(|| async { nonce(StatusCode::OK, "{}") }))
            .route("/account", post(account))
            .route("/order", post(new_order))
            .route("/order/1", post(order))
            .route("/authorization", post(authorization))
            .route("/challenge", post(challenge))
            .route("/finalize", post(finalize))
            .route("/certificate", post(certificate_of))
            .with_state(Arc::clone(&state));
        let tls = Tls(listener, TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move { axum::serve(tls, app).await });
        Self {
            directory: format!("{base}/directory"),
            root,
            state,
        }
    }

    /// Where the relay is. Until then every proof fails, as behind a closed port.
    pub fn relay_is_at(&self, port: u16) {
        *self.state.relay.lock().unwrap() = Some(port);
    }

    /// Was the proof looked at, and did it hold?
    pub fn proven(&self) -> Option<bool> {
        *self.state.proven.lock().unwrap()
    }
}

struct Tls(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = self.0.accept().await.unwrap();
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

type Is = State<Arc<Shared>>;

/// Every answer brings the next nonce; nobody checks it here.
fn nonce(status: StatusCode, answer: impl IntoResponse) -> Response {
    (status, [("replay-nonce", "bm9uY2U")], answer).into_response()
}

/// A part of a signed request; the signature is the library's business.
fn part(body: &Bytes, name: &str) -> Value {
    let jws: Value = serde_json::from_slice(body).unwrap();
    let part = URL_SAFE_NO_PAD.decode(jws[name].as_str().unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap_or(Value::Null)
}

async fn directory(State(state): Is) -> Response {
    let base = &state.base;
    let all = json!({
        "newNonce": format!("{base}/nonce"),
        "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"),
    });
    all.to_string().into_response()
}

async fn account(State(state): Is, body: Bytes) -> Response {
    let asked = part(&body, "payload");
    assert_eq!(asked["contact"], json!(["mailto:you@example.org"]));
    let jwk = part(&body, "protected")["jwk"].clone();
    let canonical = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
    );
    *state.account.lock().unwrap() = URL_SAFE_NO_PAD.encode(sha256(&[canonical.as_bytes()]));
    let mut headers = HeaderMap::new();
    headers.insert(
        "location",
        format!("{}/account/1", state.base).parse().unwrap(),
    );
    nonce(StatusCode::CREATED, (headers, r#"{"status":"valid"}"#))
}

fn order_now(state: &Shared) -> Value {
    let issued = state.issued.lock().unwrap().is_some();
    let status = match *state.proven.lock().unwrap() {
        _ if issued => "valid",
        None => "pending",
        Some(true) => "ready",
        Some(false) => "invalid",
    };
    let base = &state.base;
    json!({
        "status": status,
        "identifiers": [{ "type": "dns", "value": state.host }],
        "authorizations": [format!("{base}/authorization")],
        "finalize": format!("{base}/finalize"),
        "certificate": issued.then(|| format!("{base}/certificate")),
    })
}

async fn new_order(State(state): Is, body: Bytes) -> Response {
    let asked = part(&body, "payload");
    assert_eq!(asked["identifiers"][0]["value"], json!(state.host));
    *state.proven.lock().unwrap() = None;
    let mut headers = HeaderMap::new();
    headers.insert(
        "location",
        format!("{}/order/1", state.base).parse().unwrap(),
    );
    nonce(
        StatusCode::CREATED,
        (headers, order_now(&state).to_string()),
    )
}

async fn order(State(state): Is) -> Response {
    nonce(StatusCode::OK, order_now(&state).to_string())
}

async fn authorization(State(state): Is) -> Response {
    let answer = json!({
        "status": "pending",
        "identifier": { "type": "dns", "value": state.host },
        "challenges": [{
            "type": "tls-alpn-01",
            "url": format!("{}/challenge", state.base),
            "token": TOKEN,
            "status": "pending",
        }],
    });
    nonce(StatusCode::OK, answer.to_string())
}

async fn challenge(State(state): Is) -> Response {
    let port = *state.relay.lock().unwrap();
    let holds = match port {
        Some(port) => proof_holds(&state, port).await,
        None => false,
    };
    *state.proven.lock().unwrap() = Some(holds);
    let answer = json!({
        "type": "tls-alpn-01",
        "url": format!("{}/challenge", state.base),
        "token": TOKEN,
        "status": "processing",
    });
    nonce(StatusCode::OK, answer.to_string())
}

/// RFC 8737, section 3: the protocol is agreed on, and the certificate is for the host and holds
/// the hash of the key authorization.
async fn proof_holds(state: &Shared, port: u16) -> bool {
    let provider = sotto_suite::tls::provider();
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NotLookedInto(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from(state.host.clone()).unwrap();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tls.connect(name, stream).await.unwrap();
    let (_, session) = stream.get_ref();
    let certificate: &CertificateDer<'_> = &session.peer_certificates().unwrap()[0];
    let authorization = format!("{TOKEN}.{}", state.account.lock().unwrap());
    let digest = sha256(&[authorization.as_bytes()]);
    session.alpn_protocol() == Some(b"acme-tls/1")
        && certificate.windows(32).any(|window| window == digest)
        && certificate
            .windows(state.host.len())
            .any(|window| window == state.host.as_bytes())
}

/// The certificate of a proof has a critical extension that is for authorities alone.
#[derive(Debug)]
struct NotLookedInto(Arc<CryptoProvider>);

impl ServerCertVerifier for NotLookedInto {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn finalize(State(state): Is, body: Bytes) -> Response {
    assert_eq!(state.proven.lock().unwrap().as_ref(), Some(&true));
    let asked = part(&body, "payload");
    let csr = URL_SAFE_NO_PAD
        .decode(asked["csr"].as_str().unwrap())
        .unwrap();
    let csr = rcgen::CertificateSigningRequestParams::from_der(&csr.into()).unwrap();
    let made = csr.signed_by(&state.ca).unwrap();
    *state.issued.lock().unwrap() = Some(format!("{}{}", made.pem(), state.ca.as_ref().pem()));
    nonce(StatusCode::OK, order_now(&state).to_string())
}

async fn certificate_of(State(state): Is) -> Response {
    let chain = state.issued.lock().unwrap().clone().unwrap();
    nonce(StatusCode::OK, chain)
}
