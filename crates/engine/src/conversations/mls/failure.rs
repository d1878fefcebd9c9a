//! Why a group operation did not succeed, by what follows from it.

use mls_rs::error::MlsError;
use sotto_suite::hpke::HpkeError;
use sotto_suite::provider::SuiteError;

/// The outcome decides what the engine does; the text is for the log of unopenable entries.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MlsFailure {
    /// The other side's bytes break a rule. The entry is unopenable; the group goes on.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// A key package that was good once.
    #[error("the key package is too old")]
    Expired,
    /// mls-rs refused the bytes. The entry is unopenable; the group goes on.
    #[error("refused: {0}")]
    Refused(#[source] Box<MlsError>),
    /// The commit is valid for everyone, but this device can't follow it (path decryption or
    /// confirmation tag): halt and ask for help, apply no rival.
    #[error("stranded by a commit: {0}")]
    Stranded(#[source] Box<MlsError>),
    /// The group is not in memory or on disk, or its pieces don't belong together.
    #[error("the stored group state is incomplete: {0}")]
    State(&'static str),
}

impl From<MlsError> for MlsFailure {
    fn from(error: MlsError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl MlsFailure {
    /// What was offered is not good at this time, by this device's clock.
    pub(crate) fn is_of_the_clock(&self) -> bool {
        match self {
            Self::Expired => true,
            Self::Refused(error) => matches!(**error, MlsError::InvalidLifetime { .. }),
            _ => false,
        }
    }

    /// For commits: tells apart what is wrong for everybody and what is wrong for this device, because
    /// others may have followed a commit whose path does not open here.
    pub(super) fn of_commit(error: MlsError) -> Self {
        let path = match &error {
            MlsError::InvalidConfirmationTag
            | MlsError::UpdateErrorNoSecretKey
            | MlsError::LcaNotFoundInDirectPath
            | MlsError::PubKeyMismatch => true,
            // Nothing else in a commit is sealed by HPKE.
            MlsError::CryptoProviderError(inner) => matches!(
                inner.inner_dyn_error().downcast_ref(),
                Some(SuiteError::Hpke(
                    HpkeError::OpenFailed | HpkeError::BadEncapsulation(_)
                ))
            ),
            _ => false,
        };
        if path {
            Self::Stranded(Box::new(error))
        } else {
            Self::Refused(Box::new(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use mls_rs::time::MlsTime;

    use super::*;

    #[test]
    fn only_what_is_too_old_or_too_young_is_of_the_clock() {
        let at = MlsTime::from(7);
        let lifetime = MlsError::InvalidLifetime {
            not_before: at,
            not_after: at,
            timestamp: at,
        };
        assert!(MlsFailure::Expired.is_of_the_clock());
        assert!(MlsFailure::from(lifetime).is_of_the_clock());
        assert!(!MlsFailure::from(MlsError::InvalidSignature).is_of_the_clock());
        assert!(!MlsFailure::Invalid("malformed").is_of_the_clock());
    }

    #[test]
    fn who_can_not_follow_a_valid_commit_is_stranded() {
        for error in [
            MlsError::InvalidConfirmationTag,
            MlsError::UpdateErrorNoSecretKey,
            MlsError::LcaNotFoundInDirectPath,
            MlsError::PubKeyMismatch,
        ] {
            let failure = MlsFailure::of_commit(error);
            assert!(matches!(failure, MlsFailure::Stranded(_)));
        }
        let refused = MlsFailure::of_commit(MlsError::InvalidSignature);
        assert!(matches!(refused, MlsFailure::Refused(_)));
    }
}
