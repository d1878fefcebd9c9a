//! The embedded blob store: the suite of every blob store, and what is its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod blob_conformance;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blob_conformance::{
    BLOB, BLOBS, BYTES, Harness, KEY, OWNER, SIZE, START, UNFINISHED_HOURS, blob_conformance,
    content, fill, new,
};
use sotto_relay::Clock;
use sotto_relay::blobs::files::{BlobOpenError, FileBlobs};
use sotto_relay::blobs::{BlobError, BlobOptions, BlobStore as _, Usage};
use sotto_relay::store::Seconds;
use sotto_wire::{BlobId, ByteRange};
use tempfile::TempDir;

struct Files {
    folder: TempDir,
    time: Arc<AtomicU64>,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            time: Arc::new(AtomicU64::new(START)),
        }
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    fn file(&self, blob: BlobId) -> PathBuf {
        self.blobs().join(blob.to_string())
    }

    fn try_open(&self) -> Result<FileBlobs, BlobOpenError> {
        let read = Arc::clone(&self.time);
        let options = BlobOptions {
            bytes: BYTES,
            blobs: BLOBS,
            unfinished_hours: UNFINISHED_HOURS,
            clock: Clock::new(move || read.load(Ordering::SeqCst)),
            ..BlobOptions::default()
        };
        FileBlobs::open(&self.blobs(), options)
    }
}

impl Harness for Files {
    type Store = FileBlobs;

    async fn open(&self) -> FileBlobs {
        self.try_open().unwrap()
    }

    fn set_time(&self, now: Seconds) {
        self.time.store(now, Ordering::SeqCst);
    }
}

blob_conformance!(Files::new());

fn all() -> ByteRange {
    ByteRange {
        from: 0,
        until: SIZE,
    }
}

#[tokio::test]
async fn a_deleted_blob_is_on_the_disk_no_more() {
    let harness = Files::new();
    let store = harness.open().await;
    fill(&store, BLOB).await;
    // Whoever holds the file open sees what becomes of its bytes.
    let mut held = std::fs::File::open(harness.file(BLOB)).unwrap();
    store.delete(BLOB, OWNER).await.unwrap();
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut held, &mut left).unwrap();
    assert_eq!(left, vec![0; SIZE as usize], "not overwritten");
    assert!(!harness.file(BLOB).exists());
    // Nor is its name, in the records or their log.
    for file in std::fs::read_dir(harness.blobs()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == BLOB.0));
    }
}

#[tokio::test]
async fn what_belongs_to_no_blob_goes_when_the_store_is_opened() {
    let harness = Files::new();
    let store = harness.open().await;
    fill(&store, BLOB).await;
    drop(store);
    // A blob's file without a record, and a file that is none of ours.
    let stray = BlobId([9; 16]);
    std::fs::write(harness.file(stray), b"stray").unwrap();
    std::fs::write(harness.blobs().join("notes.txt"), b"mine").unwrap();
    let store = harness.open().await;
    assert!(!harness.file(stray).exists());
    assert!(harness.blobs().join("notes.txt").exists());
    assert_eq!(store.read(BLOB, all()).await, Ok(content(SIZE)));
}

#[tokio::test]
async fn blobs_without_their_records_are_refused_and_left_alone() {
    let harness = Files::new();
    let store = harness.open().await;
    fill(&store, BLOB).await;
    drop(store);
    let records = harness.blobs().join("records.db");
    let backup = std::fs::read(&records).unwrap();
    std::fs::remove_file(&records).unwrap();
    // Again and again: a refusal must not make a start that then takes the files for strays.
    for _ in 0..2 {
        let refused = harness.try_open().err().unwrap();
        assert!(matches!(refused, BlobOpenError::RecordsMissing(_)));
        assert!(refused.to_string().contains("records.db"), "{refused}");
    }
    std::fs::write(&records, b"something else altogether").unwrap();
    assert!(matches!(harness.try_open(), Err(BlobOpenError::Records(_))));
    std::fs::write(&records, backup).unwrap();
    assert_eq!(
        harness.open().await.read(BLOB, all()).await,
        Ok(content(SIZE))
    );
}

#[tokio::test]
async fn a_file_that_is_missing_does_not_become_one_with_a_hole() {
    let harness = Files::new();
    let store = harness.open().await;
    store.keep(new(BLOB)).await.unwrap();
    store
        .write(BLOB, KEY, 0, content(SIZE).slice(..1000))
        .await
        .unwrap();
    std::fs::remove_file(harness.file(BLOB)).unwrap();
    let rest = content(SIZE).slice(1000..);
    assert_eq!(
        store.write(BLOB, KEY, 1000, rest).await,
        Err(BlobError::Unavailable)
    );
    assert_eq!(store.progress(BLOB, KEY).await.unwrap().received, 1000);
    store.delete(BLOB, OWNER).await.unwrap();
    assert_eq!(store.usage(), Usage::default());
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let harness = Files::new();
    let store = harness.open().await;
    fill(&store, BLOB).await;
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(harness.blobs()), 0o700);
    for file in std::fs::read_dir(harness.blobs()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(path.clone()), 0o600, "{path:?}");
    }
}
