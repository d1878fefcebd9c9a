//! Which cipher suite a profile's groups use: a parameter, so that nothing hangs on ours. Every
//! story also runs once on a standard suite (RFC 9420, section 17.1).

use std::sync::Arc;

use mls_rs_core::crypto::{CipherSuite, CryptoProvider};
use sotto_suite::provider::{SUITE, SottoCrypto};

use crate::conversations::{Groups, MlsGroups};
use crate::profile::Profile;

/// Makes the MLS side of a device.
#[derive(Clone)]
pub struct Suite(Arc<MakeGroups>);

type MakeGroups = dyn Fn(&Profile) -> Box<dyn Groups> + Send + Sync;

impl Suite {
    /// `SOTTO_128_XWING_FERNET_SHA256_Ed25519`, 0xF0F1.
    #[must_use]
    pub fn sotto() -> Self {
        Self::of(SottoCrypto::default(), SUITE)
    }

    /// Any suite with Ed25519 signatures that `provider` offers.
    #[must_use]
    pub fn of<P>(provider: P, suite: CipherSuite) -> Self
    where
        P: CryptoProvider + Clone + Send + Sync + 'static,
    {
        Self(Arc::new(move |me: &Profile| {
            Box::new(MlsGroups::new(
                provider.clone(),
                suite,
                me.credential.clone(),
                &me.device,
            ))
        }))
    }

    pub(crate) fn groups(&self, me: &Profile) -> Box<dyn Groups> {
        (self.0)(me)
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Suite")
    }
}
