//! The steps on the disk, in the order that a crash between any two of them forgives.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sotto_suite::sign::PublicKey;
use sotto_wire::{BlobId, BlobState, ByteRange};

use super::records::Records;
use super::{BlobOpenError, RECORDS};
use crate::blobs::record::{Record, hour, until};
use crate::blobs::{BlobError, BlobOptions, Kept, NewBlob, Usage};
use crate::store::Seconds;
use crate::store::sqlite::OpenError;

/// Bytes overwritten at once.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

pub(super) struct Disk {
    folder: PathBuf,
    options: BlobOptions,
    kept: Mutex<State>,
    /// Blobs whose file somebody is changing.
    claimed: Mutex<HashSet<BlobId>>,
    freed: Condvar,
    #[cfg(test)]
    pub(super) steps_left: std::sync::atomic::AtomicI64,
}

struct State {
    records: Records,
    usage: Usage,
}

/// One blob's file, for one thread at a time.
struct Claim<'a> {
    disk: &'a Disk,
    blob: BlobId,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.disk.claimed).remove(&self.blob);
        self.disk.freed.notify_all();
    }
}

impl Disk {
    pub(super) fn open(folder: &Path, options: BlobOptions) -> Result<Self, BlobOpenError> {
        let unusable = |error| BlobOpenError::Unusable {
            path: folder.into(),
            error,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(unusable)?;
        let path = folder.join(RECORDS);
        // Made for this user alone; SQLite's log takes its rights from it.
        private(OpenOptions::new().append(true).create(true))
            .open(&path)
            .map_err(unusable)?;
        let (records, fresh) = Records::open(&path)?;
        let files = blob_files(folder).map_err(unusable)?;
        if fresh && !files.is_empty() {
            // Not to be taken for a folder with records at the next start.
            drop(records);
            std::fs::remove_file(&path).map_err(unusable)?;
            return Err(BlobOpenError::RecordsMissing(folder.into()));
        }
        let mut strays = Vec::new();
        for blob in files {
            if !records.knows(&blob).map_err(OpenError::from)? {
                strays.push(blob);
            }
        }
        let doomed = records.doomed().map_err(OpenError::from)?;
        let usage = records.usage().map_err(OpenError::from)?;
        let disk = Self {
            folder: folder.into(),
            options,
            kept: Mutex::new(State { records, usage }),
            claimed: Mutex::default(),
            freed: Condvar::new(),
            #[cfg(test)]
            steps_left: std::sync::atomic::AtomicI64::new(i64::MAX),
        };
        for blob in strays {
            disk.wipe_file(&blob).map_err(unusable)?;
        }
        for blob in doomed {
            // What can't be removed now is tried again at the next start.
            let _ = disk.remove(&blob);
        }
        Ok(disk)
    }

    pub(super) fn usage(&self) -> Usage {
        lock(&self.kept).usage
    }

    pub(super) fn keep(&self, new: &NewBlob) -> Result<Kept, BlobError> {
        let now = self.options.clock.now();
        let until = until(new, now);
        let claim = self.claim(new.blob);
        let found = self.with(|kept| kept.records.find(&new.blob))?;
        match found {
            Some(record) if record.over(hour(now)) => self.remove_claimed(&claim)?,
            Some(mut record) => {
                record.is(new)?;
                if until > record.until {
                    self.with(|kept| kept.records.keep_until(&new.blob, until))?;
                    record.until = until;
                }
                return Ok(Kept {
                    state: record.state(),
                    made: false,
                });
            }
            // Marked as going, or not there.
            None if self.with(|kept| kept.records.knows(&new.blob))? => {
                self.remove_claimed(&claim)?;
            }
            None => {}
        }
        let record = Record::of(new, now, self.options.unfinished_hours);
        let mut kept = lock(&self.kept);
        let after = self.options.with_one_more(kept.usage, new.size)?;
        kept.records.add(&new.blob, &record).map_err(refused)?;
        kept.usage = after;
        Ok(Kept {
            state: record.state(),
            made: true,
        })
    }

    pub(super) fn progress(
        &self,
        blob: &BlobId,
        upload: &[u8; 32],
    ) -> Result<BlobState, BlobError> {
        let record = self.find(blob)?;
        record.with_key(upload)?;
        Ok(record.state())
    }

    pub(super) fn finished(&self, blob: &BlobId) -> Result<BlobState, BlobError> {
        let record = self.find(blob)?;
        if record.finished() {
            Ok(record.state())
        } else {
            Err(BlobError::NotFound)
        }
    }

    pub(super) fn write(
        &self,
        blob: &BlobId,
        upload: &[u8; 32],
        offset: u64,
        bytes: &[u8],
    ) -> Result<BlobState, BlobError> {
        let _claim = self.claim(*blob);
        let mut record = self.find(blob)?;
        record.with_key(upload)?;
        let end = record.after(offset, bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(record.state());
        }
        self.put(blob, offset, bytes).map_err(failed)?;
        self.step()?;
        self.with(|kept| kept.records.set_received(blob, end))?;
        record.received = end;
        Ok(record.state())
    }

    /// Bytes into the file, synced; the file is made with the first of them.
    fn put(&self, blob: &BlobId, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(blob);
        let mut options = OpenOptions::new();
        // A file that should be there and is not must not become one that begins with a hole.
        options.write(true).create(offset == 0);
        let mut file = private(&mut options).open(&path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.sync_data()?;
        if offset == 0 {
            self.sync_folder()?;
        }
        Ok(())
    }

    pub(super) fn read(&self, blob: &BlobId, range: ByteRange) -> Result<Bytes, BlobError> {
        let state = self.finished(blob)?;
        let len = usize::try_from(range.until.min(state.size).saturating_sub(range.from))
            .map_err(|_| BlobError::TooLarge)?;
        let mut bytes = vec![0; len];
        let read = File::open(self.path(blob)).and_then(|mut file| {
            file.seek(SeekFrom::Start(range.from))?;
            file.read_exact(&mut bytes)
        });
        // Deleted meanwhile, it may be overwritten already.
        self.finished(blob)?;
        read.map_err(failed)?;
        Ok(bytes.into())
    }

    pub(super) fn delete(&self, blob: &BlobId, owner: &PublicKey) -> Result<(), BlobError> {
        let claim = self.claim(*blob);
        if self.find(blob)?.owner != *owner {
            return Err(BlobError::NotFound);
        }
        self.remove_claimed(&claim)?;
        self.with(|kept| kept.records.wipe())
    }

    pub(super) fn expire(&self, now: Seconds) -> Result<(), BlobError> {
        let over = self.with(|kept| kept.records.over(hour(now)))?;
        for blob in &over {
            self.remove(blob)?;
        }
        if over.is_empty() {
            Ok(())
        } else {
            self.with(|kept| kept.records.wipe())
        }
    }

    fn remove(&self, blob: &BlobId) -> Result<(), BlobError> {
        self.remove_claimed(&self.claim(*blob))
    }

    fn remove_claimed(&self, claim: &Claim<'_>) -> Result<(), BlobError> {
        let blob = &claim.blob;
        self.with(|kept| kept.records.doom(blob))?;
        self.step()?;
        self.wipe_file(blob).map_err(failed)?;
        self.step()?;
        let mut kept = lock(&self.kept);
        if let Some(size) = kept.records.forget(blob).map_err(refused)? {
            kept.usage.blobs = kept.usage.blobs.saturating_sub(1);
            kept.usage.bytes = kept.usage.bytes.saturating_sub(size);
        }
        Ok(())
    }

    /// Overwrites and removes a file; one that is not there is fine.
    fn wipe_file(&self, blob: &BlobId) -> io::Result<()> {
        let path = self.path(blob);
        let mut file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut left = file.metadata()?.len();
        while left > 0 {
            let len = left.min(ZEROS.len() as u64);
            let zeros = ZEROS.get(..usize::try_from(len).unwrap_or(0));
            file.write_all(zeros.unwrap_or_default())?;
            left -= len;
        }
        file.sync_data()?;
        drop(file);
        self.step().map_err(io::Error::other)?;
        std::fs::remove_file(&path)?;
        self.sync_folder()
    }

    /// A blob that is there and whose time is not over.
    fn find(&self, blob: &BlobId) -> Result<Record, BlobError> {
        let hour = hour(self.options.clock.now());
        self.with(|kept| kept.records.find(blob))?
            .filter(|record| !record.over(hour))
            .ok_or(BlobError::NotFound)
    }

    fn with<T>(&self, ask: impl FnOnce(&mut State) -> rusqlite::Result<T>) -> Result<T, BlobError> {
        ask(&mut lock(&self.kept)).map_err(refused)
    }

    /// Waits until nobody else changes this blob's file.
    fn claim(&self, blob: BlobId) -> Claim<'_> {
        let mut claimed = lock(&self.claimed);
        while !claimed.insert(blob) {
            claimed = self
                .freed
                .wait(claimed)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Claim { disk: self, blob }
    }

    fn path(&self, blob: &BlobId) -> PathBuf {
        self.folder.join(blob.to_string())
    }

    fn sync_folder(&self) -> io::Result<()> {
        // Windows syncs folders by itself and can't open them as files.
        if cfg!(unix) {
            File::open(&self.folder)?.sync_all()
        } else {
            Ok(())
        }
    }

    /// Between two steps. Tests end here what a crash would end.
    #[cfg(not(test))]
    fn step(&self) -> Result<(), BlobError> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> Result<(), BlobError> {
        use std::sync::atomic::Ordering;
        if self.steps_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            Ok(())
        } else {
            Err(BlobError::Unavailable)
        }
    }
}

/// The blobs that have a file here; files of other names are not ours.
fn blob_files(folder: &Path) -> io::Result<Vec<BlobId>> {
    let mut blobs = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let name = file?.file_name();
        blobs.extend(name.to_str().and_then(|name| name.parse::<BlobId>().ok()));
    }
    Ok(blobs)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Errors of files name no path here: a blob's name is no business of a log.
fn failed(error: io::Error) -> BlobError {
    tracing::warn!(kind = %error.kind(), "a step on a blob's file failed");
    BlobError::Unavailable
}

fn refused(error: rusqlite::Error) -> BlobError {
    tracing::warn!(%error, "the records of blobs refused a step");
    BlobError::Unavailable
}

/// A panic while a lock was held ends that task alone; what the lock guards is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
