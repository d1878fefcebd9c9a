//! Nothing from outside brings a decoder down, and what it accepts it gives back.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Genesis, RecoveryCode, UnverifiedCredential};
use super::*;

/// Runs every decoder of outside bytes.
fn decode_everything(bytes: &[u8]) {
    let alice = alice();
    if let Ok(chain) = UnverifiedChain::decode(bytes) {
        let _ = format!("{chain:?}");
        if let Ok(chain) = chain.verify(&alice.account_id()) {
            assert_eq!(sent(&chain), chain);
        }
    }
    if let Ok(credential) = UnverifiedCredential::decode(bytes) {
        let _ = credential.verify(&alice.device_key.public());
    }
    if let Ok(genesis) = Genesis::decode(bytes) {
        assert_eq!(genesis.encoded(), bytes);
    }
    if let Ok(list) = DeviceList::decode(bytes) {
        assert_eq!(DeviceList::decode(&list.encode()).unwrap(), list);
    }
    let _ = String::from_utf8_lossy(bytes).parse::<RecoveryCode>();
}

/// What the fuzz targets begin with, and what they ever found.
#[test]
fn the_corpora_of_the_fuzz_targets_are_survived() {
    for target in ["identity_chain", "credential", "recovery_code"] {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            decode_everything(&bytes);
            let genuine = path.file_name().is_some_and(|name| name == "genuine");
            let account = super::golden::genesis().account_id();
            let accepted = match target {
                "identity_chain" => UnverifiedChain::decode(&bytes)
                    .and_then(|chain| chain.verify(&account))
                    .is_ok(),
                "credential" => UnverifiedCredential::decode(&bytes)
                    .and_then(|credential| credential.verify(&key(21).public()))
                    .is_ok(),
                _ => genuine,
            };
            assert_eq!(accepted, genuine, "{}", path.display());
            files += 1;
        }
        assert!(files >= 4, "{target}: {files} files");
    }
}

prop_compose! {
    fn any_list()(
        issued in any::<u32>(),
        lifetime in 1_u64..=u64::from(u32::MAX),
        seeds in proptest::collection::hash_set(1_u8..=250, 1..20),
        names in vec("[^\\p{Cc}]{0,64}", 20),
        inboxes in proptest::collection::hash_set(1_u8..=250, 1..=3),
    ) -> DeviceList {
        let first = *seeds.iter().next().unwrap();
        DeviceList {
            issued: u64::from(issued),
            expires: u64::from(issued) + lifetime,
            devices: seeds
                .iter()
                .zip(names)
                .map(|(seed, name)| DeviceEntry {
                    key: key(*seed).public(),
                    name,
                    slot: SlotId([*seed; 16]),
                })
                .collect(),
            inbox_sealing_key: SealingKey::from_seed(&Secret::new([first; 32])).public(),
            inboxes: inboxes.into_iter().map(inbox).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..2048)) {
        decode_everything(&bytes);
    }

    #[test]
    fn damaged_genuine_bytes_are_survived(
        which in 0_usize..4,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        do_cut in any::<bool>(),
    ) {
        let alice = alice();
        let mut bytes = match which {
            0 => alice.chain.encoded(),
            1 => alice.credential.encoded().to_vec(),
            2 => alice.chain.genesis().encoded().to_vec(),
            _ => alice.chain.device_list().encode(),
        };
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if do_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        decode_everything(&bytes);
    }

    #[test]
    fn a_list_comes_back_as_it_was(list in any_list()) {
        let alice = alice();
        prop_assert_eq!(DeviceList::decode(&list.encode()), Ok(list.clone()));
        let chain = alice.chain.with_list(&alice.account_key, &list).unwrap();
        let received = sent(&chain);
        prop_assert_eq!(received.device_list(), &list);
    }

    /// Whatever somebody does with two copies of an account, both sides agree on what is newer.
    #[test]
    fn comparing_is_the_same_from_both_sides(
        steps in vec((any::<bool>(), any::<bool>(), 1_u8..=200), 0..8),
    ) {
        use super::super::Relation;
        let alice = alice();
        let recovery = alice.recovery.signing_key();
        let mut copies = [
            (alice.chain.clone(), alice.account_key.clone()),
            (alice.chain.clone(), alice.account_key.clone()),
        ];
        for (which, rotate, number) in steps {
            let (chain, account_key) = &mut copies[usize::from(which)];
            if rotate {
                *account_key = key(number);
                *chain = chain.rotated(&recovery, account_key, &list(number, 1)).unwrap();
            } else {
                *chain = chain.with_list(account_key, &list(number, 1)).unwrap();
            }
        }
        let [(one, _), (other, _)] = copies;
        let opposite = match one.compare(&other) {
            Relation::Older => Relation::Newer,
            Relation::Newer => Relation::Older,
            same => same,
        };
        prop_assert_eq!(other.compare(&one), opposite);
        prop_assert_eq!(one.compare(&other) == Relation::Same, one.head() == other.head());
        if one.extends(&other) {
            prop_assert_eq!(one.compare(&other), Relation::Newer);
        }
    }
}
