//! A crash between any two steps loses nothing that was answered, and leaves nothing behind for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use std::sync::atomic::Ordering;

use sotto_suite::sign::PublicKey;
use sotto_wire::{BlobId, ByteRange, limits};

use super::RECORDS;
use super::disk::Disk;
use crate::blobs::{BlobError, BlobOptions, NewBlob, Usage};
use crate::clock::Clock;

const SIZE: u64 = limits::MIN_BLOB;
const HALF: u64 = SIZE / 2;
const KEY: [u8; 32] = [7; 32];
const OWNER: PublicKey = PublicKey([1; 32]);
const NOW: u64 = 400_000 * 3600;

fn blob(n: u8) -> BlobId {
    BlobId([n; 16])
}

/// What was answered before the crash.
#[derive(Default)]
struct Answered {
    kept: bool,
    received: u64,
    deleted: bool,
    expired: bool,
}

/// One blob's whole life, and another one that ends by age; stops at the first step that fails.
fn live(disk: &Disk, answered: &mut Answered) -> Result<(), BlobError> {
    let new = |n, hours| NewBlob {
        blob: blob(n),
        owner: OWNER,
        upload: KEY,
        size: SIZE,
        hours,
    };
    disk.keep(&new(1, 48))?;
    answered.kept = true;
    for offset in [0, HALF] {
        let state = disk.write(&blob(1), &KEY, offset, &[1; HALF as usize])?;
        answered.received = state.received;
    }
    disk.keep(&new(2, 1))?;
    disk.write(&blob(2), &KEY, 0, &[2; SIZE as usize])?;
    disk.expire(NOW + 10 * 3600)?;
    answered.expired = true;
    disk.delete(&blob(1), &OWNER)?;
    answered.deleted = true;
    Ok(())
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing_and_leaves_nothing_behind() {
    let options = BlobOptions {
        clock: Clock::new(|| NOW),
        ..BlobOptions::default()
    };
    let mut crashes = 0;
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), options.clone()).unwrap();
        disk.steps_left.store(steps, Ordering::SeqCst);
        let mut answered = Answered::default();
        let whole = live(&disk, &mut answered).is_ok();
        // The crash: nothing of this process's memory is left.
        drop(disk);
        let disk = Disk::open(folder.path(), options.clone()).unwrap();
        let found = disk.progress(&blob(1), &KEY);
        if answered.deleted {
            assert_eq!(found, Err(BlobError::NotFound), "after {steps} steps");
        } else if answered.received == SIZE && found.is_err() {
            // Deleting had begun and was not answered; it is done now.
        } else if answered.kept {
            let received = found.unwrap().received;
            assert!(received >= answered.received, "after {steps} steps");
            // It goes on from there, and is what was put in.
            let rest = vec![1; (SIZE - received) as usize];
            disk.write(&blob(1), &KEY, received, &rest).unwrap();
            let range = ByteRange {
                from: 0,
                until: SIZE,
            };
            let bytes = disk.read(&blob(1), range).unwrap();
            assert_eq!(bytes, vec![1; SIZE as usize], "after {steps} steps");
        }
        if answered.expired {
            assert!(disk.progress(&blob(2), &KEY).is_err());
        }
        // No file without a record, and in the end nothing at all.
        disk.expire(NOW + 1000 * 3600).unwrap();
        assert_eq!(disk.usage(), Usage::default(), "after {steps} steps");
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name();
            assert!(
                name.to_str().unwrap().starts_with(RECORDS),
                "{name:?} after {steps} steps"
            );
        }
        if whole {
            break;
        }
        crashes += 1;
    }
    // Two parts and another blob written, two blobs removed in three steps each.
    assert_eq!(crashes, 9, "the steps that this test stops between");
}
