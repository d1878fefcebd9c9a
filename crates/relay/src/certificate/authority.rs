//! HTTPS to a certificate authority: one request, one connection, over our own TLS.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An answer of an authority is smaller.
const LARGEST: usize = 1 << 20;
/// Time for one request.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Asks the authority.
pub(super) struct Authority {
    tls: TlsConnector,
}

impl Authority {
    /// Trusts `roots`, or whom browsers trust.
    pub(super) fn new(roots: Option<RootCertStore>) -> Result<Self, rustls::Error> {
        let roots = roots.unwrap_or_else(|| {
            let mut roots = RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            roots
        });
        let config = ClientConfig::builder_with_provider(sotto_suite::tls::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Self { tls })
    }
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.tls.clone();
        Box::pin(async move {
            tokio::time::timeout(PATIENCE, ask(&tls, request))
                .await
                .unwrap_or_else(|_| Err("no answer within 30 seconds".into()))
                .map_err(Error::Other)
        })
    }
}

async fn ask(
    tls: &TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Failure> {
    let uri = request.uri().clone();
    if uri.scheme_str() != Some("https") {
        return Err(format!("{uri} is not under https").into());
    }
    let host = uri.host().ok_or("an address without a host")?.to_owned();
    let named = uri.authority().ok_or("an address without a host")?;
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_str(named.as_str())?);
    *request.uri_mut() = path_of(&uri)?;
    let bare = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(443))).await?;
    let stream = tls
        .connect(ServerName::try_from(bare.to_owned())?, stream)
        .await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender, or with the answer's last byte.
    let connection = tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
    connection.abort();
    let body = Box::new(body);
    Ok(BytesResponse { parts, body })
}

fn path_of(uri: &Uri) -> Result<Uri, Failure> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(path.parse()?)
}
