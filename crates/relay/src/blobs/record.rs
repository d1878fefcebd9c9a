//! What is kept of a blob beside its bytes, and the rules that every blob store has in common.

use minicbor::{Decode, Encode};
use sotto_suite::sign::PublicKey;
use sotto_wire::BlobState;
use subtle::ConstantTimeEq as _;

use super::{BlobError, NewBlob};
use crate::store::Seconds;

const HOUR: Seconds = 3600;

/// One blob's record. Hours are counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Record {
    #[n(0)]
    pub(super) owner: PublicKey,
    /// Hash of the key to upload.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) upload: [u8; 32],
    #[n(2)]
    pub(super) size: u64,
    #[n(3)]
    pub(super) received: u64,
    #[n(4)]
    pub(super) until: u32,
    /// An unfinished one goes then.
    #[n(5)]
    pub(super) finish_until: u32,
}

impl Record {
    /// Of a blob that is made now.
    pub(super) fn of(new: &NewBlob, now: Seconds, unfinished_hours: u16) -> Self {
        Self {
            owner: new.owner,
            upload: new.upload,
            size: new.size,
            received: 0,
            until: until(new, now),
            finish_until: next_hour(now).saturating_add(unfinished_hours.into()),
        }
    }

    pub(super) fn finished(&self) -> bool {
        self.received == self.size
    }

    /// Is its time over?
    pub(super) fn over(&self, hour: u32) -> bool {
        self.until <= hour || !self.finished() && self.finish_until <= hour
    }

    pub(super) fn state(&self) -> BlobState {
        BlobState {
            size: self.size,
            received: self.received,
            until: self.until,
        }
    }

    /// May this one be asked for by somebody who would make it?
    pub(super) fn is(&self, new: &NewBlob) -> Result<(), BlobError> {
        if self.owner == new.owner && self.size == new.size {
            Ok(())
        } else {
            Err(BlobError::Taken)
        }
    }

    /// For whoever holds the key to upload.
    pub(super) fn with_key(&self, upload: &[u8; 32]) -> Result<(), BlobError> {
        if bool::from(self.upload.ct_eq(upload)) {
            Ok(())
        } else {
            Err(BlobError::NotFound)
        }
    }

    /// Where it ends after `len` bytes more at `offset`, if they go on where it ends now.
    pub(super) fn after(&self, offset: u64, len: u64) -> Result<u64, BlobError> {
        if offset != self.received {
            return Err(BlobError::Offset {
                received: self.received,
            });
        }
        let end = offset.saturating_add(len);
        if end > self.size {
            return Err(BlobError::TooLarge);
        }
        Ok(end)
    }
}

/// The hour that has begun.
pub(super) fn hour(time: Seconds) -> u32 {
    u32::try_from(time / HOUR).unwrap_or(u32::MAX)
}

fn next_hour(time: Seconds) -> u32 {
    u32::try_from(time.div_ceil(HOUR)).unwrap_or(u32::MAX)
}

/// The hour in which a blob goes that is asked for now: full hours, never less than was asked for.
pub(super) fn until(new: &NewBlob, now: Seconds) -> u32 {
    next_hour(now).saturating_add(new.hours.into())
}
