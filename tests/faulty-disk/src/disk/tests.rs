use super::*;

fn play(records: &[Record]) -> Disk {
    let mut disk = Disk::default();
    for record in records {
        disk.step(record);
    }
    disk
}

fn create(file: u64, name: &str) -> Record {
    Record::Create {
        file,
        name: name.into(),
    }
}

fn write(file: u64, offset: u64, data: &[u8]) -> Record {
    Record::Write {
        file,
        offset,
        data: data.into(),
    }
}

fn sync_root() -> Record {
    Record::SyncFolder {
        name: PathBuf::new(),
    }
}

#[test]
fn a_synced_file_in_a_folder_that_was_not_has_no_name() {
    let mut records = vec![create(1, "a"), write(1, 0, b"x"), Record::Sync { file: 1 }];
    let disk = play(&records);
    assert_eq!(disk.after_power_cut(Fate::Nothing), Image::default());
    assert!(disk.has_unsynced());
    records.push(sync_root());
    let disk = play(&records);
    assert_eq!(
        disk.after_power_cut(Fate::Nothing).file("a"),
        Some(&b"x"[..])
    );
    assert!(!disk.has_unsynced());
}

#[test]
fn what_was_not_synced_may_be_there_or_not_or_in_parts() {
    let old = [b'o'; 2048];
    let new = [b'n'; 2048];
    let disk = play(&[
        create(1, "a"),
        write(1, 0, &old),
        Record::Sync { file: 1 },
        sync_root(),
        write(1, 0, &new),
    ]);
    assert_eq!(disk.file("a"), Some(&new[..]));
    assert_eq!(
        disk.after_power_cut(Fate::Nothing).file("a"),
        Some(&old[..])
    );
    assert_eq!(
        disk.after_power_cut(Fate::Everything).file("a"),
        Some(&new[..])
    );
    let mut mixed = 0;
    for seed in 0..100 {
        let image = disk.after_power_cut(Fate::Any(seed));
        let content = image.file("a").unwrap();
        for sector in content.chunks(SECTOR) {
            assert!(
                sector.iter().all(|byte| *byte == sector[0]),
                "a sector is whole"
            );
        }
        mixed += usize::from(content != old && content != new);
        assert_eq!(image, disk.after_power_cut(Fate::Any(seed)), "seeds replay");
    }
    assert!(mixed > 10, "{mixed} torn writes");
}

#[test]
fn a_rename_without_its_folder_may_not_have_happened() {
    let mut records = vec![
        create(1, "a"),
        write(1, 0, b"old"),
        Record::Sync { file: 1 },
        create(2, "a.new"),
        write(2, 0, b"new"),
        Record::Sync { file: 2 },
        sync_root(),
        Record::Rename {
            from: "a.new".into(),
            to: "a".into(),
        },
    ];
    let disk = play(&records);
    assert_eq!(disk.file("a"), Some(&b"new"[..]));
    let cut = disk.after_power_cut(Fate::Nothing);
    assert_eq!(
        (cut.file("a"), cut.file("a.new")),
        (Some(&b"old"[..]), Some(&b"new"[..]))
    );
    records.push(sync_root());
    let cut = play(&records).after_power_cut(Fate::Nothing);
    assert_eq!(
        (cut.file("a"), cut.file("a.new")),
        (Some(&b"new"[..]), None)
    );
}

#[test]
fn a_rename_before_the_data_was_synced_leaves_an_empty_file() {
    let disk = play(&[
        create(1, "a.new"),
        write(1, 0, b"content"),
        Record::Rename {
            from: "a.new".into(),
            to: "a".into(),
        },
        sync_root(),
    ]);
    assert_eq!(
        disk.after_power_cut(Fate::Nothing).file("a"),
        Some(&b""[..])
    );
}

#[test]
fn a_removed_file_may_come_back() {
    let disk = play(&[
        create(1, "a"),
        write(1, 0, b"x"),
        Record::Sync { file: 1 },
        sync_root(),
        Record::Unlink { name: "a".into() },
    ]);
    assert_eq!(disk.file("a"), None);
    assert_eq!(
        disk.after_power_cut(Fate::Nothing).file("a"),
        Some(&b"x"[..])
    );
    assert_eq!(disk.after_power_cut(Fate::Everything).file("a"), None);
}

#[test]
fn after_a_failed_sync_a_later_one_saves_nothing_of_before() {
    let disk = play(&[
        create(1, "a"),
        sync_root(),
        write(1, 0, b"lost"),
        Record::SyncFailed { file: 1 },
        write(1, 4, b"kept"),
        Record::Sync { file: 1 },
    ]);
    assert_eq!(disk.file("a"), Some(&b"lostkept"[..]));
    assert_eq!(
        disk.after_power_cut(Fate::Nothing).file("a"),
        Some(&b"\0\0\0\0kept"[..])
    );
}

#[test]
fn a_folder_that_is_lost_takes_its_files_along() {
    let mut records = vec![
        Record::MakeFolder { name: "p".into() },
        create(1, "p/a"),
        write(1, 0, b"x"),
        Record::Sync { file: 1 },
        Record::SyncFolder { name: "p".into() },
    ];
    assert_eq!(
        play(&records).after_power_cut(Fate::Nothing),
        Image::default()
    );
    records.push(sync_root());
    let cut = play(&records).after_power_cut(Fate::Nothing);
    assert_eq!(cut.file("p/a"), Some(&b"x"[..]));
}
