//! Groups by id: make, join, encrypt, open, commit.

mod open;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use mls_rs::crypto::SignatureSecretKey;
use mls_rs::extension::recommended::LastResortKeyPackageExt;
use mls_rs::group::proposal::ProposalType;
use mls_rs::group::{CommitEffect, CommitSecrets, ExportedTree, ReceivedMessage};
use mls_rs::psk::ExternalPskId;
use mls_rs::time::MlsTime;
use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, Extension, ExtensionList, MlsMessage,
};
use sotto_suite::hash::sha256;
use sotto_suite::secret::Secret;
use sotto_suite::sign::SigningKey;
use zeroize::Zeroizing;

use self::open::{MlsConfig, Open, leaf_of};
use super::asked::{
    Founded, Groups, Joined, Leaf, Opened, PackageOwner, PendingCommit, StoredGroup,
};
use super::extension::{GENERATION, LEAF_CHANNEL, ROLES};
use super::identity::{self, Identities};
use super::rules::{Rules, may_be_proposed};
use super::shelf::{Changes, KeyPackageRow, RosterLeaf, Shelf};
use super::{GroupId, LeafChannel, MlsFailure, Roles};
use crate::api::Timestamp;

/// Seconds by which a key package is older than it is, for takers whose clocks are behind.
const BACKDATED: u64 = 3_600;
/// How long a key package may be used: 30 days from when it was made.
const PACKAGE_LIFETIME: std::time::Duration =
    std::time::Duration::from_secs(30 * 86_400 + BACKDATED);

/// Groups on mls-rs.
pub(crate) struct MlsGroups<P: CryptoProvider + Clone> {
    client: Client<MlsConfig<P>>,
    provider: P,
    suite: CipherSuite,
    shelf: Shelf,
    groups: HashMap<GroupId, Open<P>>,
    checkpoint: Option<(GroupId, Open<P>)>,
}

impl<P: CryptoProvider + Clone> MlsGroups<P> {
    /// For one device: its credential's bytes, its key, the cipher suite.
    pub(crate) fn new(
        provider: P,
        suite: CipherSuite,
        credential: Vec<u8>,
        device: &SigningKey,
    ) -> Self {
        let shelf = Shelf::default();
        let public = device.public();
        let mut secret = device.seed().expose().to_vec();
        if suite != sotto_suite::provider::SUITE {
            // Other providers want seed and public key, as most libraries keep Ed25519 keys.
            secret.extend_from_slice(&public.0);
        }
        let client = Client::builder()
            .crypto_provider(provider.clone())
            .identity_provider(Identities)
            .group_state_storage(shelf.clone())
            .key_package_repo(shelf.clone())
            .psk_store(shelf.clone())
            .mls_rules(Rules)
            .extension_type(LEAF_CHANNEL)
            .extension_type(ROLES)
            .custom_proposal_type(ProposalType::SELF_REMOVE)
            .key_package_lifetime(PACKAGE_LIFETIME)
            .signing_identity(
                identity::signing_identity(credential, &public),
                SignatureSecretKey::from(secret),
                suite,
            )
            .build();
        Self {
            client,
            provider,
            suite,
            shelf,
            groups: HashMap::new(),
            checkpoint: None,
        }
    }

    fn group(&self, id: &GroupId) -> Result<&Open<P>, MlsFailure> {
        self.groups
            .get(id)
            .ok_or(MlsFailure::State("group not loaded"))
    }

    fn group_mut(&mut self, id: &GroupId) -> Result<&mut Open<P>, MlsFailure> {
        self.groups
            .get_mut(id)
            .ok_or(MlsFailure::State("group not loaded"))
    }

    /// mls-rs validates a key package's init key only: one malformed leaf key would block every
    /// commit until that leaf is removed, so every leaf key is checked here.
    fn check_leaf_keys(&self, tree: &ExportedTree<'_>) -> Result<(), MlsFailure> {
        let suite = self
            .provider
            .cipher_suite_provider(self.suite)
            .ok_or(MlsFailure::State("the cipher suite is not available"))?;
        for node in tree.nodes().iter().step_by(2).flatten() {
            let mls_rs::group::Node::Leaf(leaf) = node else {
                continue;
            };
            suite
                .kem_public_key_validate(&leaf.public_key)
                .map_err(|_| MlsFailure::Invalid("a leaf's HPKE key is malformed"))?;
        }
        Ok(())
    }

    /// The founding commit, and the Welcome and the tree that come of it.
    fn found_with(
        &mut self,
        id: &GroupId,
        packages: &[Vec<u8>],
        psk_id: &[u8],
        generation: &Secret<32>,
        now: Timestamp,
    ) -> Result<(Vec<u8>, ExportedTree<'static>), MlsFailure> {
        let open = self.group_mut(id)?;
        let info = vec![Extension::new(GENERATION, generation.expose().to_vec())];
        let mut builder = open
            .group
            .commit_builder()
            .set_group_info_ext(info.into())
            .add_external_psk(ExternalPskId::new(psk_id.to_vec()))?
            .commit_time(time(now));
        for package in packages {
            builder = builder.add_member(MlsMessage::from_bytes(package)?)?;
        }
        let (output, secrets) = builder.build_detached()?;
        let [welcome] = output.welcome_messages() else {
            return Err(MlsFailure::State("a founding commit makes one Welcome"));
        };
        let welcome = welcome.to_bytes()?;
        // Nobody else is in the group: there is no order to wait for.
        open.group.apply_detached_commit(secrets)?;
        open.epoch_ended(0)?;
        Ok((welcome, open.group.export_tree().into_owned()))
    }
}

fn time(now: Timestamp) -> MlsTime {
    MlsTime::from(now.seconds())
}

fn secret32(bytes: &[u8]) -> Result<Secret<32>, MlsFailure> {
    Secret::from_slice(bytes).map_err(|_| MlsFailure::State("a secret of unexpected length"))
}

impl<P: CryptoProvider + Clone + 'static> Groups for MlsGroups<P>
where
    P::CipherSuiteProvider: Clone,
{
    fn suite_name(&self) -> String {
        match self.suite {
            sotto_suite::provider::SUITE => "SOTTO_128_XWING_FERNET_SHA256_Ed25519 (0xF0F1)".into(),
            other => format!("MLS cipher suite 0x{:04X}", u16::from(other)),
        }
    }

    fn key_package(
        &mut self,
        leaf: &LeafChannel,
        last_resort: bool,
        now: Timestamp,
    ) -> Result<(Vec<u8>, KeyPackageRow), MlsFailure> {
        let mut extensions = ExtensionList::new();
        if last_resort {
            extensions
                .set_from(LastResortKeyPackageExt)
                .map_err(|_| MlsFailure::State("last-resort extension"))?;
        }
        let message = self.client.generate_key_package_message(
            extensions,
            leaf.to_list(),
            Some(MlsTime::from(now.seconds().saturating_sub(BACKDATED))),
        )?;
        let row = self
            .shelf
            .take_made()
            .ok_or(MlsFailure::State("the key package was not kept"))?;
        Ok((message.to_bytes()?, row))
    }

    fn check_package(&self, message: &[u8], now: Timestamp) -> Result<PackageOwner, MlsFailure> {
        let package = MlsMessage::from_bytes(message)?
            .into_key_package()
            .ok_or(MlsFailure::Invalid("not a key package"))?;
        if package.cipher_suite() != self.suite {
            return Err(MlsFailure::Invalid("the key package is of another suite"));
        }
        if package.expiration()?.seconds_since_epoch() < now.seconds() {
            return Err(MlsFailure::Expired);
        }
        let (credential, device) = identity::verify(package.signing_identity())
            .map_err(|_| MlsFailure::Invalid("the key package's identity does not hold"))?;
        Ok(PackageOwner {
            account: credential.account_id(),
            device,
        })
    }

    fn create(
        &mut self,
        id: &GroupId,
        roles: &Roles,
        leaf: &LeafChannel,
        now: Timestamp,
    ) -> Result<(), MlsFailure> {
        let group = self.client.create_group_with_id(
            id.to_vec(),
            roles.to_list(),
            leaf.to_list(),
            Some(time(now)),
        )?;
        self.groups.insert(*id, Open::new(group, HashMap::new())?);
        self.save(id)
    }

    fn found(
        &mut self,
        id: &GroupId,
        packages: &[Vec<u8>],
        (psk_id, psk): (&[u8], &Secret<32>),
        generation: &Secret<32>,
        now: Timestamp,
    ) -> Result<Founded, MlsFailure> {
        self.shelf.offer_psk(psk_id, psk.expose());
        let founded = self.found_with(id, packages, psk_id, generation, now);
        self.shelf.withdraw_offers();
        let (welcome, tree) = founded?;
        self.check_leaf_keys(&tree)?;
        self.save(id)?;
        Ok(Founded {
            welcome,
            tree: tree.to_bytes()?,
        })
    }

    fn join(
        &mut self,
        welcome: &[u8],
        tree: &[u8],
        packages: &[KeyPackageRow],
        (psk_id, psk): (&[u8], &Secret<32>),
    ) -> Result<Joined, MlsFailure> {
        let tree = ExportedTree::from_bytes(tree)?;
        let welcome = MlsMessage::from_bytes(welcome)?;
        self.check_leaf_keys(&tree)?;
        for package in packages {
            self.shelf.offer_package(package);
        }
        self.shelf.offer_psk(psk_id, psk.expose());
        let joined = self.client.join_group(Some(tree), &welcome, None);
        let result = joined.map_err(MlsFailure::from).and_then(|(group, info)| {
            let id: GroupId = group
                .group_id()
                .try_into()
                .map_err(|_| MlsFailure::Invalid("the group id is not 32 bytes"))?;
            if self.groups.contains_key(&id) {
                // Storage is keyed by group id: a Welcome for a known group would overwrite it.
                return Err(MlsFailure::Invalid("a Welcome for a group that is known"));
            }
            let generation =
                info.group_info_extensions()
                    .get(GENERATION)
                    .ok_or(MlsFailure::Invalid(
                        "the Welcome carries no generation secret",
                    ))?;
            let generation = Secret::from_slice(generation.extension_data())
                .map_err(|_| MlsFailure::Invalid("the generation secret is not 32 bytes"))?;
            let inviter = group
                .member_at_index(info.sender)
                .ok_or(MlsFailure::Invalid("the Welcome's sender is not a member"))?;
            Ok((id, group, generation, leaf_of(&inviter)?))
        });
        let result = result.and_then(|(id, group, generation, inviter)| {
            self.groups.insert(id, Open::new(group, HashMap::new())?);
            self.save(&id)?;
            Ok(Joined {
                group: id,
                generation,
                inviter,
            })
        });
        self.shelf.withdraw_offers();
        result
    }

    fn discard(&mut self, id: &GroupId) {
        self.groups.remove(id);
        self.shelf.drop_group(id);
        self.shelf.forget_used();
    }

    fn unload(&mut self, id: &GroupId) {
        self.groups.remove(id);
        self.shelf.drop_group(id);
    }

    fn checkpoint(&mut self, id: &GroupId) -> Result<(), MlsFailure> {
        self.checkpoint = Some((*id, self.group(id)?.clone()));
        Ok(())
    }

    fn rollback(&mut self, id: &GroupId) {
        if let Some((of, open)) = self.checkpoint.take().filter(|(of, _)| of == id) {
            self.groups.insert(of, open);
        }
    }

    fn roster(&self, id: &GroupId) -> Result<Vec<RosterLeaf>, MlsFailure> {
        Ok(self.group(id)?.roster())
    }

    fn loaded(&self, id: &GroupId) -> bool {
        self.groups.contains_key(id)
    }

    fn load(&mut self, id: &GroupId, stored: StoredGroup) -> Result<(), MlsFailure> {
        if sha256(&[&stored.tree]) != stored.tree_hash {
            return Err(MlsFailure::State("the stored tree does not fit its hash"));
        }
        self.shelf.put(id, stored.state, stored.epochs);
        let tree = ExportedTree::from_bytes(&stored.tree)?;
        let group = self.client.load_group_with_ratchet_tree(id, tree)?;
        // mls-rs takes any tree it is given: a stale one must not go unnoticed.
        if group.current_epoch() != stored.tree_epoch {
            self.shelf.drop_group(id);
            return Err(MlsFailure::State("the stored tree is of another epoch"));
        }
        self.groups.insert(*id, Open::new(group, stored.rosters)?);
        Ok(())
    }

    fn forget(&mut self) {
        for id in self.shelf.drop_unflushed() {
            self.groups.remove(&id);
        }
        // A group may have moved in memory without reaching the shelf: none is trusted.
        for (id, _) in self.groups.drain() {
            self.shelf.drop_group(&id);
        }
    }

    fn encrypt(&mut self, id: &GroupId, content: &[u8]) -> Result<Vec<u8>, MlsFailure> {
        let open = self.group_mut(id)?;
        Ok(open
            .group
            .encrypt_application_message(content, Vec::new())?
            .to_bytes()?)
    }

    fn open(&mut self, id: &GroupId, message: &[u8]) -> Result<Opened, MlsFailure> {
        let message = MlsMessage::from_bytes(message)?;
        let open = self.group_mut(id)?;
        let epoch = open.group.current_epoch();
        let of_epoch = message.epoch().unwrap_or(epoch);
        match open
            .group
            .process_incoming_message(message)
            .map_err(MlsFailure::of_commit)?
        {
            ReceivedMessage::ApplicationMessage(application) => {
                let sender = open.sender(application.sender_index, of_epoch == epoch, of_epoch)?;
                Ok(Opened::Content {
                    sender,
                    content: Zeroizing::new(application.data().to_vec()),
                })
            }
            ReceivedMessage::Commit(commit) => {
                if matches!(commit.effect, CommitEffect::ReInit(_)) {
                    return Err(MlsFailure::Invalid("re-initialisation is not allowed"));
                }
                let removed = matches!(commit.effect, CommitEffect::Removed { .. });
                let committer = open
                    .leaves
                    .iter()
                    .find(|leaf| leaf.index == commit.committer);
                let committer = committer
                    .ok_or(MlsFailure::Invalid("the committer is not a member"))?
                    .account;
                open.epoch_ended(epoch)?;
                let tree = open.group.export_tree().into_owned();
                self.check_leaf_keys(&tree)?;
                Ok(Opened::Epoch { committer, removed })
            }
            // One that nobody could commit would keep everybody from writing.
            ReceivedMessage::Proposal(proposed) if !may_be_proposed(&proposed.proposal) => Err(
                MlsFailure::Invalid("a proposal of a kind that is not allowed"),
            ),
            ReceivedMessage::Proposal(_) => Ok(Opened::Proposal),
            _ => Err(MlsFailure::Invalid("not a message of a running group")),
        }
    }

    fn commit_required(&self, id: &GroupId) -> Result<bool, MlsFailure> {
        Ok(self.group(id)?.group.commit_required())
    }

    fn commit(&mut self, id: &GroupId, now: Timestamp) -> Result<PendingCommit, MlsFailure> {
        let open = self.group_mut(id)?;
        let epoch = open.group.current_epoch();
        let (output, secrets) = open
            .group
            .commit_builder()
            .commit_time(time(now))
            .build_detached()?;
        let message = output.commit_message().to_bytes()?;
        Ok(PendingCommit {
            hash: sha256(&[&message]),
            message,
            epoch,
            secrets: Zeroizing::new(secrets.to_bytes()?),
        })
    }

    fn merge(&mut self, id: &GroupId, pending: &PendingCommit) -> Result<(), MlsFailure> {
        let open = self.group_mut(id)?;
        // mls-rs checks neither: both are checked here.
        if open.group.current_epoch() != pending.epoch
            || sha256(&[&pending.message]) != pending.hash
        {
            return Err(MlsFailure::State(
                "the pending commit does not belong to this epoch",
            ));
        }
        open.group
            .apply_detached_commit(CommitSecrets::from_bytes(&pending.secrets)?)?;
        open.epoch_ended(pending.epoch)
    }

    fn epoch(&self, id: &GroupId) -> Result<u64, MlsFailure> {
        Ok(self.group(id)?.group.current_epoch())
    }

    fn authenticator(&self, id: &GroupId) -> Result<Secret<32>, MlsFailure> {
        secret32(self.group(id)?.group.epoch_authenticator()?.as_bytes())
    }

    fn export(&self, id: &GroupId, label: &[u8], context: &[u8]) -> Result<Secret<32>, MlsFailure> {
        secret32(
            self.group(id)?
                .group
                .export_secret(label, context, 32)?
                .as_bytes(),
        )
    }

    fn leaves(&self, id: &GroupId) -> Result<Vec<Leaf>, MlsFailure> {
        Ok(self.group(id)?.leaves.clone())
    }

    fn me(&self, id: &GroupId) -> Result<u32, MlsFailure> {
        Ok(self.group(id)?.group.current_member_index())
    }

    fn roles(&self, id: &GroupId) -> Result<Roles, MlsFailure> {
        Roles::from_list(&self.group(id)?.group.context().extensions)
    }

    fn save(&mut self, id: &GroupId) -> Result<(), MlsFailure> {
        self.group_mut(id)?
            .group
            .write_to_storage_without_ratchet_tree()?;
        Ok(())
    }

    fn tree(&self, id: &GroupId) -> Result<Vec<u8>, MlsFailure> {
        Ok(self.group(id)?.group.export_tree().to_bytes()?)
    }

    fn take_changes(&mut self) -> Changes {
        self.shelf.take_changes()
    }
}
