//! The shim with a real process: this test's own binary, started again.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sotto_faulty_disk::{Broken, Fate, Watch};
use tempfile::TempDir;

/// Runs the ignored test `child` of this file under watch.
fn run(child: &str) -> (TempDir, TempDir, Watch) {
    let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(folder.path().join("before"), b"was there").unwrap();
    let watch = Watch::new(folder.path(), aside.path()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", child, "--ignored", "--nocapture"])
        .env("FOLDER", folder.path())
        .env("ASIDE", aside.path());
    let output = watch.over(&mut command).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    (folder, aside, watch)
}

fn at(name: &str) -> PathBuf {
    Path::new(&std::env::var_os("FOLDER").expect("started by its parent")).join(name)
}

#[test]
#[ignore = "runs as the child of everything_is_written_down"]
fn child_writes_in_every_way() {
    let mut file = OpenOptions::new()
        .create_new(true)
        .read(true)
        .write(true)
        .open(at("a"))
        .unwrap();
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(2)).unwrap();
    file.write_all(b"AB").unwrap();
    file.write_at(b"CD", 6).unwrap();
    file.set_len(9).unwrap();
    file.sync_all().unwrap();
    File::open(at("")).unwrap().sync_all().unwrap();
    let mut twin = file.try_clone().unwrap();
    twin.seek(SeekFrom::End(0)).unwrap();
    twin.write_all(b"!").unwrap();
    drop((file, twin));
    OpenOptions::new()
        .append(true)
        .open(at("a"))
        .unwrap()
        .write_all(b"?")
        .unwrap();
    fs::copy(at("before"), at("copy")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("sub/deep"), b"deep").unwrap();
    fs::rename(at("copy"), at("sub/copy")).unwrap();
    fs::remove_file(at("before")).unwrap();
    fs::write(at("before"), b"a new one").unwrap();
    fs::write(at("before"), b"anew").unwrap();
    fs::write(at("of-no-account-shm"), b"x").unwrap();
}

#[test]
fn everything_is_written_down() {
    let (folder, _aside, watch) = run("child_writes_in_every_way");
    let end = watch.history().unwrap().end();
    for name in ["a", "before", "sub/deep", "sub/copy"] {
        let real = fs::read(folder.path().join(name)).unwrap();
        assert_eq!(end.file(name), Some(&real[..]), "{name}");
    }
    assert_eq!(end.file("a"), Some(&b"01AB45CD8!?"[..]));
    assert_eq!(
        (end.file("copy"), end.file("of-no-account-shm")),
        (None, None)
    );
    let cut = end.after_power_cut(Fate::Nothing);
    assert_eq!(cut.file("a"), Some(&b"01AB45CD8"[..]));
    assert_eq!(cut.file("before"), Some(&b"was there"[..]));
    assert_eq!((cut.file("sub/deep"), cut.file("sub/copy")), (None, None));
    // A killed process loses nothing.
    let killed = end.after_power_cut(Fate::Everything);
    assert_eq!(killed.file("sub/copy"), Some(&b"was there"[..]));
    // Written out, an image is the folder again.
    let out = TempDir::new().unwrap();
    killed.write_to(out.path()).unwrap();
    assert_eq!(fs::read(out.path().join("sub/deep")).unwrap(), b"deep");
}

#[test]
#[ignore = "runs as the child of a_full_disk_and_a_failing_one_can_be_had"]
fn child_meets_faults() {
    let aside = PathBuf::from(std::env::var_os("ASIDE").expect("started by its parent"));
    let mut file = File::create(at("a")).unwrap();
    file.write_all(b"12").unwrap();
    fs::write(aside.join("full"), b"").unwrap();
    assert_eq!(
        file.write_all(b"34").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(file.set_len(10).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_at(b"X", 0).unwrap();
    fs::remove_file(aside.join("full")).unwrap();
    file.write_all(b"3").unwrap();
    fs::write(aside.join("sync-fails"), b"").unwrap();
    file.sync_all().unwrap_err();
    fs::remove_file(aside.join("sync-fails")).unwrap();
    file.sync_all().unwrap();
    File::open(at("")).unwrap().sync_all().unwrap();
}

#[test]
fn a_full_disk_and_a_failing_one_can_be_had() {
    let (_folder, _aside, watch) = run("child_meets_faults");
    let end = watch.history().unwrap().end();
    assert_eq!(end.file("a"), Some(&b"X23"[..]));
    assert_eq!(end.after_power_cut(Fate::Nothing).file("a"), Some(&b""[..]));
}

#[test]
#[ignore = "runs as the child of what_cannot_be_played_is_refused"]
fn child_links() {
    fs::hard_link(at("before"), at("twin")).unwrap();
}

#[test]
fn what_cannot_be_played_is_refused() {
    let (_folder, _aside, watch) = run("child_links");
    assert_eq!(
        watch.history().unwrap_err(),
        Broken::Unsupported("hard link".into())
    );
}

#[test]
fn nothing_watched_is_an_error_and_not_an_empty_history() {
    let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let watch = Watch::new(folder.path(), aside.path()).unwrap();
    assert!(matches!(watch.history(), Err(Broken::Unreadable(_))));
}
