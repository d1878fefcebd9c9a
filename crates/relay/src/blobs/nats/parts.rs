//! A blob's bytes: messages of at most 512 KiB, none across a multiple of that.
//!
//! A client that sends little at a time makes small parts. Each takes in those right before it that are
//! smaller than twice its size, and one that fills its 512 KiB takes in all of these. So a blob has as
//! many parts as it has 512 KiB and some twenty more, and a byte is written a few dozen times at most.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use minicbor::{Decode, Encode};
use sotto_wire::{BlobId, ByteRange};
use tokio::time::Instant;

use super::Shared;
use super::log::pause;
use crate::blobs::BlobError;
use crate::jetstream::Silent;

/// Bytes of a part at most; the servers take messages of 1 MiB.
const PART: u64 = 512 * 1024;
/// Parts erased at once.
const AT_ONCE: usize = 16;

/// Some bytes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Part {
    /// The number of its message.
    #[n(0)]
    pub(super) message: u64,
    #[n(1)]
    pub(super) len: u64,
}

/// How many of the last parts one of `len` bytes takes in that begins where they end, at `offset`.
fn taken_in(parts: &[Part], offset: u64, len: u64) -> usize {
    let room = PART - offset % PART;
    let (mut len, mut start) = (len.min(room), offset);
    let fills = len == room;
    let mut count = 0;
    for part in parts.iter().rev() {
        if start % PART == 0 || (!fills && part.len >= len.saturating_mul(2)) {
            break;
        }
        (len, start) = (len + part.len, start.saturating_sub(part.len));
        count += 1;
    }
    count
}

impl Shared {
    /// The subject of a blob's bytes.
    pub(super) fn parts_of(&self, blob: &BlobId) -> String {
        format!("{}.o.{}", self.streams.prefix, hex::encode(blob.as_bytes()))
    }

    /// Stores bytes that follow `parts`, which end at `offset`: what has been stored, and which of the
    /// parts it is in the place of. They count when a record names them.
    pub(super) async fn append(
        &self,
        blob: &BlobId,
        parts: &[Part],
        offset: u64,
        bytes: Bytes,
    ) -> Result<(Vec<Part>, Vec<Part>), BlobError> {
        let count = taken_in(parts, offset, bytes.len() as u64);
        let replaced = parts.get(parts.len() - count..).unwrap_or_default();
        let (mut start, mut whole) = (offset, BytesMut::new());
        for part in replaced {
            whole.extend_from_slice(&self.part(blob, part).await?);
            start = start.saturating_sub(part.len);
        }
        let mut rest = if replaced.is_empty() {
            bytes
        } else {
            whole.extend_from_slice(&bytes);
            whole.freeze()
        };
        let mut put = Vec::new();
        while !rest.is_empty() {
            let room = usize::try_from(PART - start % PART).unwrap_or(usize::MAX);
            let piece = rest.split_to(room.min(rest.len()));
            let len = piece.len() as u64;
            match self.store(blob, piece).await {
                Ok(message) => put.push(Part { message, len }),
                Err(error) => {
                    let _ = self.erase(&put).await;
                    return Err(error);
                }
            }
            start += len;
        }
        Ok((put, replaced.to_vec()))
    }

    async fn store(&self, blob: &BlobId, piece: Bytes) -> Result<u64, BlobError> {
        let subject = self.parts_of(blob);
        let deadline = Instant::now() + self.streams.patience;
        loop {
            let piece = piece.clone();
            match self.streams.servers.publish(&subject, piece, None).await {
                Ok(message) => return Ok(message),
                // One that was stored after all is nobody's, and goes with the next sweeps.
                Err(_) => pause(deadline).await?,
            }
        }
    }

    async fn part(&self, blob: &BlobId, part: &Part) -> Result<Bytes, BlobError> {
        let message = self.streams.parts.message(part.message).await?;
        let whole = message.filter(|message| {
            message.payload.len() as u64 == part.len
                && message.subject.as_str() == self.parts_of(blob)
        });
        whole.map(|message| message.payload).ok_or_else(|| {
            // Deleted a moment ago, or lost by the servers.
            tracing::warn!("bytes of a blob are missing");
            BlobError::Unavailable
        })
    }

    /// Bytes of a blob.
    pub(super) async fn bytes(
        &self,
        blob: &BlobId,
        parts: &[Part],
        range: ByteRange,
    ) -> Result<Bytes, BlobError> {
        let mut found = BytesMut::new();
        let mut start = 0;
        for part in parts {
            let end = start + part.len;
            if start >= range.until {
                break;
            }
            if end > range.from {
                let bytes = self.part(blob, part).await?;
                let place = |at: u64| usize::try_from(at.saturating_sub(start));
                let from = place(range.from).map_err(|_| BlobError::TooLarge)?;
                let until = place(range.until.min(end)).map_err(|_| BlobError::TooLarge)?;
                found.extend_from_slice(bytes.get(from..until).unwrap_or_default());
            }
            start = end;
        }
        Ok(found.freeze())
    }

    /// Erases parts; those that are gone already are fine.
    pub(super) async fn erase(&self, parts: &[Part]) -> Result<(), Silent> {
        let messages: Vec<u64> = parts.iter().map(|part| part.message).collect();
        let erasing = iter(messages).map(|message| self.streams.parts.erase(message));
        erasing.buffer_unordered(AT_ONCE).try_collect().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `len` bytes again and again until the end, and answers the parts and the bytes written.
    fn write(len: u64, end: u64) -> (Vec<Part>, u64) {
        let (mut parts, mut at, mut written, mut message) = (Vec::new(), 0, 0, 0);
        while at < end {
            let count = taken_in(&parts, at, len.min(end - at));
            let replaced: u64 = parts
                .drain(parts.len() - count..)
                .map(|part: Part| part.len)
                .sum();
            let (mut start, mut left) = (at - replaced, replaced + len.min(end - at));
            written += left;
            while left > 0 {
                let len = left.min(PART - start % PART);
                message += 1;
                parts.push(Part { message, len });
                (start, left) = (start + len, left - len);
            }
            at = start;
        }
        (parts, written)
    }

    #[test]
    fn however_little_comes_at_a_time_the_parts_stay_few() {
        let end = 3 * PART + 1000;
        for len in [1, 7, 1000, 65_536, PART - 1, PART, PART + 1, 8 * PART] {
            let (parts, written) = write(len, end);
            assert_eq!(parts.iter().map(|part| part.len).sum::<u64>(), end, "{len}");
            assert!(parts.len() <= 3 + 20, "{len}: {} parts", parts.len());
            assert!(written <= 40 * end, "{len}: {written} bytes written");
            let mut start = 0;
            for part in &parts {
                assert!(
                    start % PART + part.len <= PART,
                    "{len}: one across a multiple"
                );
                start += part.len;
            }
        }
        // As a client does it that sends 512 KiB or more at once: nothing is written twice.
        assert_eq!(write(PART, 4 * PART).1, 4 * PART);
        assert_eq!(write(8 * PART, 32 * PART).0.len(), 32);
    }
}
