//! Blobs on the wire: names, keys to upload, ranges, and sizes that say little.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod common;

use common::*;
use proptest::prelude::*;
use sotto_suite::Secret;
use sotto_wire::*;

#[test]
fn a_blob_has_one_name_and_a_key_one_spelling() {
    let blob = BlobId([0xb1; 16]);
    assert_eq!(blob_path(&blob), format!("/b/{}", "b1".repeat(16)));
    assert_eq!("b1".repeat(16).parse(), Ok(blob));
    for other in [
        "B1".repeat(16),
        "b1".repeat(15),
        "b1".repeat(17),
        format!("{}b", "b1".repeat(15)),
        format!("{} b1", "b1".repeat(15)),
        format!("{}é", "b1".repeat(15)),
        String::new(),
    ] {
        assert_eq!(other.parse::<BlobId>(), Err(BlobError::Name), "{other}");
    }
    // What a log may say is too little to fetch a blob with.
    assert_eq!(format!("{blob:?}"), "BlobId(b1b1b1b1…)");

    let key = UploadKey::from_secret(Secret::new([0x0b; 32]));
    let header = key.authorization();
    assert_eq!(header, format!("Bearer {}", "0b".repeat(32)));
    assert_eq!(
        UploadKey::from_authorization(&header).unwrap().hash(),
        key.hash()
    );
    assert_eq!(
        hex(&key.hash()),
        include_str!("vectors/upload_key.txt").trim_end(),
        "SHA-256 of the label and the key, computed by another program"
    );
    for other in [
        "Basic 0b",
        "bearer 0b",
        "Bearer",
        &header.to_uppercase(),
        &format!("{header}0"),
    ] {
        assert!(UploadKey::from_authorization(other).is_err(), "{other}");
    }
    assert_eq!(format!("{key:?}"), "UploadKey(redacted)");
}

#[test]
fn ranges_are_those_of_rfc_9110() {
    let range = |from, until| Ok(Some(ByteRange { from, until }));
    for (header, expected) in [
        ("bytes=0-0", range(0, 1)),
        ("bytes=0-999", range(0, 1000)),
        ("bytes=500-", range(500, 1000)),
        ("bytes=-1", range(999, 1000)),
        ("bytes=-5000", range(0, 1000)),
        ("bytes=999-99999999999999999999999", range(999, 1000)),
        ("bytes=1000-", Err(BlobError::Range)),
        ("bytes=1000-2000", Err(BlobError::Range)),
        ("bytes=-0", Err(BlobError::Range)),
        // To be passed over: the whole is sent.
        ("bytes=5-4", Ok(None)),
        ("bytes=0-1,5-6", Ok(None)),
        ("bytes=-", Ok(None)),
        ("bytes=a-b", Ok(None)),
        ("bytes=+1-2", Ok(None)),
        ("pages=0-1", Ok(None)),
        ("", Ok(None)),
    ] {
        assert_eq!(ByteRange::parse(header, 1000), expected, "{header}");
    }
}

#[test]
fn sizes_are_steps_that_say_little() {
    for (len, size) in [
        (0, 16_384),
        (16_384, 16_384),
        (16_385, 17_408),
        (100_000, 100_352),
        (1 << 20, 1 << 20),
        ((1 << 20) + 1, (1 << 20) + (1 << 15)),
        (limits::MAX_BLOB, limits::MAX_BLOB),
    ] {
        assert_eq!(blob_size(len), Some(size), "{len}");
    }
    assert_eq!(blob_size(limits::MAX_BLOB + 1), None);
    assert_eq!(blob_size(u64::MAX), None);
    // All the sizes there are.
    let (mut steps, mut at) = (0, 0);
    while let Some(size) = blob_size(at) {
        (steps, at) = (steps + 1, size + 1);
    }
    assert!(steps < 1100, "{steps} sizes");
}

/// Whatever is read is in bounds, and in its one spelling.
fn reads(text: &str) {
    if let Ok(blob) = text.parse::<BlobId>() {
        assert_eq!(blob.to_string(), text);
    }
    if let Ok(key) = UploadKey::from_authorization(text) {
        assert_eq!(key.authorization(), text);
    }
    for size in [1, 1000, u64::MAX] {
        if let Ok(Some(range)) = ByteRange::parse(text, size) {
            assert!(range.from < range.until && range.until <= size, "{range:?}");
        }
    }
}

#[test]
fn the_corpus_still_does_no_harm() {
    let folder = format!("{}/fuzz/corpus/blob_request", env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        reads(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} files");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", digits in "(bytes=|Bearer )?[0-9a-f,-]{0,70}") {
        reads(&text);
        reads(&digits);
    }

    #[test]
    fn a_step_is_its_own_step_and_close(len in 0..=limits::MAX_BLOB) {
        let size = blob_size(len).unwrap();
        prop_assert!(size >= len);
        prop_assert_eq!(blob_size(size), Some(size));
        prop_assert!(size <= limits::MIN_BLOB || (size - len) * 100 <= len * 12, "{} for {}", size, len);
    }
}
