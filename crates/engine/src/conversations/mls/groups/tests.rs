//! Alice's and Bob's groups, without an engine around them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod spoiling;

use mls_rs::crypto::HpkeCiphertext;
use mls_rs::mls_rules::ProposalBundle;
use mls_rs::{MlsRules as _, WireFormat};
use sotto_suite::provider::{SUITE, SottoCrypto};

use super::*;
use crate::api::AccountId;
use crate::identity::NewAccount;
use crate::identity::tests as identity;
use spoiling::Spoiling;

const NOW: Timestamp = Timestamp(identity::NOW * 1_000);
const ID: GroupId = [7; 32];

struct Device<P: CryptoProvider + Clone = SottoCrypto> {
    account: NewAccount,
    groups: MlsGroups<P>,
}

impl Device {
    fn new(seed: u8) -> Self {
        Self::on(seed, SottoCrypto::new())
    }
}

impl<P: CryptoProvider + Clone + 'static> Device<P>
where
    P::CipherSuiteProvider: Clone,
{
    fn on(seed: u8, provider: P) -> Self {
        let account = identity::account(seed, "laptop");
        let credential = account.credential.encoded().to_vec();
        Self {
            groups: MlsGroups::new(provider, SUITE, credential, &account.device_key),
            account,
        }
    }

    fn id(&self) -> AccountId {
        self.account.account_id()
    }

    fn leaf(&self) -> LeafChannel {
        LeafChannel {
            subscriber: self.account.device_key.public(),
            rescue: None,
        }
    }

    fn package(&mut self) -> (Vec<u8>, KeyPackageRow) {
        let leaf = self.leaf();
        self.groups.key_package(&leaf, false, NOW).unwrap()
    }

    fn say(&mut self, words: &[u8]) -> Vec<u8> {
        self.groups.encrypt(&ID, words).unwrap()
    }

    /// Who said what, if it opens.
    fn hear(&mut self, message: &[u8]) -> Option<(AccountId, Vec<u8>)> {
        match self.groups.open(&ID, message).ok()? {
            Opened::Content { sender, content } => Some((sender.account, content.to_vec())),
            _ => panic!("not a message"),
        }
    }

    fn epoch(&self) -> u64 {
        self.groups.epoch(&ID).unwrap()
    }
}

fn psk() -> Secret<32> {
    Secret::new([3; 32])
}

fn generation() -> Secret<32> {
    Secret::new([4; 32])
}

/// Alice founds a group with Bob.
fn founded<P: CryptoProvider + Clone + 'static>(
    alice: &mut Device,
    bob: &mut Device<P>,
) -> (Founded, KeyPackageRow)
where
    P::CipherSuiteProvider: Clone,
{
    let (leaf, roles) = (alice.leaf(), Roles::owners(&[alice.id(), bob.id()]));
    let (package, row) = bob.package();
    alice.groups.create(&ID, &roles, &leaf, NOW).unwrap();
    let founded = alice
        .groups
        .found(&ID, &[package], (b"invite", &psk()), &generation(), NOW);
    (founded.unwrap(), row)
}

/// Bob has joined it.
fn two() -> (Device, Device) {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    let (founded, row) = founded(&mut alice, &mut bob);
    let joined = bob
        .groups
        .join(&founded.welcome, &founded.tree, &[row], (b"invite", &psk()))
        .unwrap();
    assert_eq!(joined.group, ID);
    assert_eq!(joined.generation, generation());
    assert_eq!(joined.inviter.account, alice.id());
    (alice, bob)
}

/// One commits, and both follow.
fn next_epoch(from: &mut Device, to: &mut Device) {
    let pending = from.groups.commit(&ID, NOW).unwrap();
    from.groups.merge(&ID, &pending).unwrap();
    let Opened::Epoch { committer, removed } = to.groups.open(&ID, &pending.message).unwrap()
    else {
        panic!("not a commit")
    };
    assert_eq!((committer, removed), (from.id(), false));
    from.groups.save(&ID).unwrap();
    to.groups.save(&ID).unwrap();
}

#[test]
fn both_are_in_one_group_and_know_who_speaks() {
    let (mut alice, mut bob) = two();
    let leaves = alice.groups.leaves(&ID).unwrap();
    let accounts: Vec<_> = leaves.iter().map(|leaf| leaf.account).collect();
    assert_eq!(accounts, [alice.id(), bob.id()]);
    assert_eq!(leaves, bob.groups.leaves(&ID).unwrap());
    assert_eq!(alice.groups.me(&ID).unwrap(), 0);
    assert_eq!(bob.groups.me(&ID).unwrap(), 1);
    assert_eq!((alice.epoch(), bob.epoch()), (1, 1));
    let (hello, answer) = (alice.say(b"hello"), bob.say(b"yes?"));
    assert_eq!(bob.hear(&hello), Some((alice.id(), b"hello".to_vec())));
    assert_eq!(alice.hear(&answer), Some((bob.id(), b"yes?".to_vec())));
}

#[test]
fn commits_heal_are_encrypted_and_let_nobody_in_from_outside() {
    let (mut alice, _) = two();
    let group = &alice.groups.groups[&ID].group;
    let options =
        Rules.commit_options(&group.roster(), group.context(), &ProposalBundle::default());
    let options = options.unwrap();
    assert!(options.path_required && options.single_welcome_message);
    assert!(!options.ratchet_tree_extension && !options.allow_external_commit);
    let pending = alice.groups.commit(&ID, NOW).unwrap();
    let message = MlsMessage::from_bytes(&pending.message).unwrap();
    assert_eq!(message.wire_format(), WireFormat::PrivateMessage);
}

#[test]
fn a_pending_commit_is_merged_only_as_it_was_made_and_where() {
    let (mut alice, _) = two();
    let pending = alice.groups.commit(&ID, NOW).unwrap();
    let but = |epoch, message: &[u8]| PendingCommit {
        message: message.to_vec(),
        hash: pending.hash,
        epoch,
        secrets: pending.secrets.clone(),
    };
    for other in [but(2, &pending.message), but(1, b"another")] {
        let refused = alice.groups.merge(&ID, &other);
        assert!(matches!(refused, Err(MlsFailure::State(_))));
    }
    assert_eq!(alice.epoch(), 1);
    alice.groups.merge(&ID, &pending).unwrap();
    assert_eq!(alice.epoch(), 2);
}

/// Bob proposes, Alice commits what she has heard of it, and Bob follows; says whether he is out.
fn proposed(alice: &mut Device, bob: &mut Device, proposal: &MlsMessage) -> bool {
    let proposal = proposal.to_bytes().unwrap();
    let heard = alice.groups.open(&ID, &proposal).unwrap();
    assert!(matches!(heard, Opened::Proposal));
    let pending = alice.groups.commit(&ID, NOW).unwrap();
    alice.groups.merge(&ID, &pending).unwrap();
    match bob.groups.open(&ID, &pending.message).unwrap() {
        Opened::Epoch { removed, .. } => removed,
        _ => panic!("not a commit"),
    }
}

#[test]
fn a_members_new_keys_come_with_the_commit_of_another() {
    let (mut alice, mut bob) = two();
    // Bob's leaf is the last, and its signature what the tree ends with.
    let signature = |alice: &Device| {
        let tree = alice.groups.tree(&ID).unwrap();
        tree[tree.len() - 64..].to_vec()
    };
    let before = signature(&alice);
    next_epoch(&mut alice, &mut bob);
    assert_eq!(signature(&alice), before);
    let group = &mut bob.groups.groups.get_mut(&ID).unwrap().group;
    let update = group.propose_update(vec![]).unwrap();
    assert!(!proposed(&mut alice, &mut bob, &update));
    assert_ne!(signature(&alice), before);
    let hello = bob.say(b"hello");
    assert_eq!(alice.hear(&hello), Some((bob.id(), b"hello".to_vec())));
}

#[test]
fn who_leaves_is_taken_out_by_the_commit_of_another() {
    let (mut alice, mut bob) = two();
    let group = &mut bob.groups.groups.get_mut(&ID).unwrap().group;
    let leave = group.propose_self_remove(vec![]).unwrap();
    assert!(proposed(&mut alice, &mut bob, &leave));
    let leaves = alice.groups.leaves(&ID).unwrap();
    let accounts: Vec<_> = leaves.iter().map(|leaf| leaf.account).collect();
    assert_eq!(accounts, [alice.id()]);
}

#[test]
fn a_late_message_counts_for_three_epochs() {
    let (mut alice, mut bob) = two();
    let (late, too_late) = (bob.say(b"late"), bob.say(b"too late"));
    for _ in 0..3 {
        next_epoch(&mut alice, &mut bob);
    }
    assert_eq!(alice.hear(&late), Some((bob.id(), b"late".to_vec())));
    next_epoch(&mut alice, &mut bob);
    assert_eq!(alice.hear(&too_late), None);
}

#[test]
fn a_message_that_did_not_open_is_as_if_it_had_not_come() {
    let (mut alice, mut bob) = two();
    let genuine = alice.say(b"hello");
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    bob.groups.checkpoint(&ID).unwrap();
    assert_eq!(bob.hear(&forged), None);
    bob.groups.rollback(&ID);
    assert_eq!(bob.hear(&genuine), Some((alice.id(), b"hello".to_vec())));
}

#[test]
fn a_package_is_its_owners_until_it_is_too_old() {
    let (alice, mut bob) = (Device::new(1), Device::new(2));
    let (package, _) = bob.package();
    let read = MlsMessage::from_bytes(&package).unwrap();
    let end = read.into_key_package().unwrap().expiration().unwrap();
    let month = 30 * 86_400;
    assert_eq!(end.seconds_since_epoch(), NOW.seconds() + month);
    let at = |seconds| {
        let at = Timestamp(seconds * 1_000);
        alice.groups.check_package(&package, at)
    };
    for seconds in [NOW.seconds(), end.seconds_since_epoch()] {
        let owner = at(seconds).unwrap();
        let device = bob.account.device_key.public();
        assert_eq!((owner.account, owner.device), (bob.id(), device));
    }
    let old = at(end.seconds_since_epoch() + 1);
    assert!(matches!(old, Err(MlsFailure::Expired)));
}

#[test]
fn a_stored_tree_has_to_be_that_of_the_stored_epoch() {
    let (mut alice, mut bob) = two();
    let stale = alice.groups.tree(&ID).unwrap();
    next_epoch(&mut alice, &mut bob);
    let tree = alice.groups.tree(&ID).unwrap();
    let changes = alice.groups.take_changes();
    let change = &changes.groups[&ID];
    let stored = |tree: &[u8], of: &[u8], tree_epoch| StoredGroup {
        state: change.state.clone().unwrap(),
        epochs: change.epochs.clone(),
        tree: tree.to_vec(),
        tree_epoch,
        tree_hash: sha256(&[of]),
        rosters: HashMap::new(),
    };
    alice.groups.unload(&ID);
    for wrong in [stored(&stale, &tree, 2), stored(&tree, &tree, 1)] {
        let refused = alice.groups.load(&ID, wrong);
        assert!(matches!(refused, Err(MlsFailure::State(_))));
        assert!(!alice.groups.loaded(&ID));
    }
    alice.groups.load(&ID, stored(&tree, &tree, 2)).unwrap();
    assert_eq!(alice.epoch(), 2);
    let hello = bob.say(b"hello");
    assert_eq!(alice.hear(&hello), Some((bob.id(), b"hello".to_vec())));
}

#[test]
fn whatever_may_not_have_reached_the_disk_is_forgotten() {
    let (mut alice, mut bob) = two();
    alice.groups.forget();
    assert!(!alice.groups.loaded(&ID));
    bob.groups.discard(&ID);
    assert!(!bob.groups.loaded(&ID));
    let changes = bob.groups.take_changes();
    assert!(changes.groups.is_empty() && changes.packages_used.is_empty());
}

/// mls-rs looks at no leaf's key before it has to encrypt to it: nobody could commit any more.
#[test]
fn a_leaf_with_a_malformed_key_is_noticed_at_once() {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    let (founded, row) = founded(&mut alice, &mut bob);
    let tree = ExportedTree::from_bytes(&founded.tree).unwrap();
    let Some(mls_rs::group::Node::Leaf(leaf)) = &tree.nodes()[0] else {
        panic!("no leaf")
    };
    let key: &[u8] = &leaf.public_key;
    let mut spoilt = founded.tree.clone();
    let at = spoilt.windows(key.len()).position(|bytes| bytes == key);
    // No coefficient of ML-KEM is so large.
    spoilt[at.unwrap()..][..1_000].fill(0xff);
    let failure = bob
        .groups
        .join(&founded.welcome, &spoilt, &[row], (b"invite", &psk()));
    assert!(matches!(
        failure,
        Err(MlsFailure::Invalid("a leaf's HPKE key is malformed"))
    ));
}

/// A key package has two keys: the first opens its Welcome, and the second is its leaf's.
#[test]
fn nobody_with_a_malformed_leaf_key_is_invited() {
    let mut alice = Device::new(1);
    let mut mallory = Device::on(66, Spoiling::key(2));
    let (leaf, roles) = (alice.leaf(), Roles::owners(&[alice.id(), mallory.id()]));
    let (package, _) = mallory.package();
    alice.groups.create(&ID, &roles, &leaf, NOW).unwrap();
    let failure = alice
        .groups
        .found(&ID, &[package], (b"invite", &psk()), &generation(), NOW);
    assert!(matches!(
        failure,
        Err(MlsFailure::Invalid("a leaf's HPKE key is malformed"))
    ));
}

/// What Alice makes of a commit by Mallory.
fn commit_of(mallory: Spoiling) -> Result<Opened, MlsFailure> {
    let (mut alice, mut mallory) = (Device::new(1), Device::on(66, mallory));
    let (founded, row) = founded(&mut alice, &mut mallory);
    mallory
        .groups
        .join(&founded.welcome, &founded.tree, &[row], (b"invite", &psk()))
        .unwrap();
    let pending = mallory.groups.commit(&ID, NOW).unwrap();
    alice.groups.open(&ID, &pending.message)
}

/// Every member that reads it comes to the same verdict.
#[test]
fn a_commit_with_a_malformed_leaf_key_is_refused() {
    assert!(commit_of(Spoiling::key(0)).is_ok());
    let refused = commit_of(Spoiling::key(3));
    assert!(matches!(
        refused,
        Err(MlsFailure::Invalid("a leaf's HPKE key is malformed"))
    ));
}

/// A commit can open for some and not for others: whoever followed a rival of it would be parted from
/// them.
#[test]
fn whoever_can_not_open_the_path_of_a_commit_is_stranded() {
    let spoilt: [fn(&mut HpkeCiphertext); 4] = [
        |sealed| sealed.ciphertext[0] ^= 1,
        |sealed| sealed.ciphertext.truncate(7),
        |sealed| sealed.kem_output[0] ^= 1,
        |sealed| sealed.kem_output.truncate(7),
    ];
    for spoil in spoilt {
        let stranded = commit_of(Spoiling::seals(spoil));
        assert!(matches!(stranded, Err(MlsFailure::Stranded(_))));
    }
}

/// Who has just made a profile gives an invite to somebody whose clock is behind.
#[test]
fn a_package_is_good_on_a_clock_that_is_an_hour_behind() {
    for (behind, good) in [(3_600, true), (3_660, false)] {
        let (mut alice, mut bob) = (Device::new(1), Device::new(2));
        let (leaf, roles) = (alice.leaf(), Roles::owners(&[alice.id(), bob.id()]));
        let (package, _) = bob.package();
        let early = Timestamp(NOW.0 - behind * 1_000);
        alice.groups.create(&ID, &roles, &leaf, early).unwrap();
        let (psk, generation) = (psk(), generation());
        let founded = alice
            .groups
            .found(&ID, &[package], (b"invite", &psk), &generation, early);
        assert_eq!(founded.is_ok(), good);
        assert!(good || founded.is_err_and(|failure| failure.is_of_the_clock()));
    }
}
