//! A certificate from a public authority (ACME, RFC 8555), proven by TLS-ALPN-01 (RFC 8737): the
//! authority connects to port 443 of the host, asks for the protocol `acme-tls/1`, and is shown a
//! certificate with the answer in it. So no second port and no web server is needed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, OrderStatus, RetryPolicy,
};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::authority::Authority;
use super::{Certified, Missing, pem, read_roots};
use crate::clock::Clock;
use crate::config::AcmeOptions;
use crate::data::DataFolder;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::store::Seconds;
use crate::transport::Acceptor;

/// Chain and key in PEM.
const CERTIFICATE: &str = "acme-certificate";
/// The account's key and address, as JSON.
const ACCOUNT: &str = "acme-account";
/// How often to look whether it is time.
const LOOK: Duration = Duration::from_secs(3600);
/// Waits after failures: authorities allow few an hour.
const FIRST_WAIT: Duration = Duration::from_secs(15 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(12 * 3600);

/// What is shown to an authority that asks `acme-tls/1`, while it may ask.
#[derive(Debug, Default)]
pub(crate) struct Challenge(RwLock<Option<Arc<CertifiedKey>>>);

impl Challenge {
    /// The certificate with the answer.
    pub(crate) fn answer(&self) -> Option<Arc<CertifiedKey>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, answer: Option<Arc<CertifiedKey>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// The certificate that was fetched before, if it is for this host and its time is not over.
pub(crate) fn kept(
    folder: &DataFolder,
    host: &str,
    now: Seconds,
) -> Result<Option<Certified>, Missing> {
    let certified = folder.read(CERTIFICATE)?.and_then(|text| pem::parse(&text));
    Ok(certified.filter(|certified| {
        certified.is_for(host) && certified.about().is_some_and(|about| about.until > now)
    }))
}

/// The one in a data folder, whatever it is good for.
pub(crate) fn read(data: &std::path::Path) -> Option<Certified> {
    let text = Zeroizing::new(std::fs::read(data.join(CERTIFICATE)).ok()?);
    pem::parse(&text)
}

/// Fetches and renews, for as long as the relay runs.
pub(crate) struct Renewal {
    pub(crate) options: AcmeOptions,
    pub(crate) folder: Arc<DataFolder>,
    pub(crate) host: String,
    pub(crate) clock: Clock,
    pub(crate) live: Arc<Live>,
    pub(crate) challenge: Arc<Challenge>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Renewal {
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let mut wait = FIRST_WAIT;
        loop {
            let pause = if self.is_due() {
                let fetched = tokio::select! {
                    () = stopping.cancelled() => return,
                    fetched = self.fetch() => fetched,
                };
                self.challenge.set(None);
                match fetched {
                    Ok(()) => {
                        tracing::info!("a certificate was fetched");
                        wait = FIRST_WAIT;
                        LOOK
                    }
                    Err(error) => {
                        let minutes = wait.as_secs() / 60;
                        tracing::warn!(%error, minutes, "no certificate was fetched; the one in use stays, and devices go on with it. The next try is in so many minutes. The authority has to reach this relay under its host, port 443");
                        let now = wait;
                        wait = (wait * 2).min(LONGEST_WAIT);
                        now
                    }
                }
            } else {
                LOOK
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// With a third of its life left.
    fn is_due(&self) -> bool {
        let now = self.clock.now();
        let Ok(Some(kept)) = kept(&self.folder, &self.host, now) else {
            return true;
        };
        kept.about().is_none_or(|about| {
            let life = about.until.saturating_sub(about.from);
            about.until.saturating_sub(now) < life / 3
        })
    }

    async fn fetch(&self) -> Result<(), Failed> {
        let account = self.account().await?;
        let host = [Identifier::Dns(self.host.clone())];
        let mut order = account.new_order(&NewOrder::new(&host)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or(Failed::NoSuchChallenge)?;
            let digest = challenge.key_authorization().digest();
            self.challenge
                .set(Some(answer(&self.host, digest.as_ref())?));
            challenge.set_ready().await?;
        }
        let patience = RetryPolicy::default();
        let status = order.poll_ready(&patience).await?;
        if status != OrderStatus::Ready {
            return Err(Failed::Refused(format!("{status:?}")));
        }
        let key = Zeroizing::new(order.finalize().await?);
        let chain = order.poll_certificate(&patience).await?;
        let text = Zeroizing::new(format!("{chain}\n{}", *key));
        let certified = pem::parse(text.as_bytes())
            .filter(|certified| certified.is_for(&self.host))
            .ok_or(Failed::Unfit)?;
        self.folder
            .write(CERTIFICATE, text.as_bytes())
            .map_err(|error| Failed::Disk(error.to_string()))?;
        crate::server::note_end(&self.metrics, &certified);
        let acceptor = Acceptor::tls(certified, Some(Arc::clone(&self.challenge)))?;
        self.live.set_acceptor(acceptor);
        Ok(())
    }

    /// The account of before, or a new one.
    async fn account(&self) -> Result<Account, Failed> {
        let roots = match &self.options.roots {
            Some(path) => Some(read_roots(path).map_err(|error| Failed::Disk(error.to_string()))?),
            None => None,
        };
        let builder = || -> Result<_, Failed> {
            let authority = Authority::new(roots.clone())?;
            Ok(Account::builder_with_http(Box::new(authority)))
        };
        let disk = |error: crate::data::DataError| Failed::Disk(error.to_string());
        let kept = self.folder.read(ACCOUNT).map_err(disk)?;
        let kept = kept.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.directory == self.options.directory) {
            return Ok(builder()?.from_credentials(kept.credentials).await?);
        }
        let contact = self
            .options
            .contact
            .as_ref()
            .map(|mail| format!("mailto:{mail}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let new = NewAccount {
            contact: &contact,
            // Whoever sets `acme` agrees to the authority's terms: the settings' table says so.
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.options.directory.clone();
        let (account, credentials) = builder()?.create(&new, directory.clone(), None).await?;
        let kept = Kept {
            directory,
            credentials,
        };
        let text = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Failed::Unfit)?);
        self.folder.write(ACCOUNT, &text).map_err(disk)?;
        Ok(account)
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// The certificate that answers a challenge.
fn answer(host: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, Failed> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()])?;
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?.der().clone();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    // Put together without a look inside: its critical extension is known to authorities alone.
    let provider = sotto_suite::tls::provider();
    let key = provider.key_provider.load_private_key(key.into())?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
}

/// Why no certificate was fetched.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    #[error("the authority offers no TLS-ALPN-01")]
    NoSuchChallenge,
    #[error("the authority did not accept the proof: the order is {0}")]
    Refused(String),
    #[error("what the authority sent can't be used")]
    Unfit,
    #[error("{0}")]
    Disk(String),
    #[error("making the answer failed: {0}")]
    Answer(#[from] rcgen::Error),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
