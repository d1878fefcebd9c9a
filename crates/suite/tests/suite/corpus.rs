//! The fuzz targets' corpora, replayed as ordinary tests.

use std::fs;
use std::path::Path;

use sotto_suite::{FernetKey, SealingKey, Secret, hpke};

/// Every file of a target's corpus; an empty corpus would prove nothing.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{}", folder.display());
    files
}

#[test]
fn fernet_tokens() {
    let key = FernetKey::new(Secret::new([7; 32]));
    for (name, token) in corpus("fernet_open") {
        let opened = key.open(&token);
        assert_eq!(
            opened.is_ok(),
            name.starts_with("good"),
            "{name}: {opened:?}"
        );
    }
}

#[test]
fn sealed_messages() {
    let key = SealingKey::from_seed(&Secret::new([7; 32]));
    for (name, sealed) in corpus("hpke_open") {
        let opened = hpke::open(&key, b"fuzz", b"", &sealed);
        assert_eq!(
            opened.is_ok(),
            name.starts_with("good"),
            "{name}: {opened:?}"
        );
    }
}
