//! Mallory: a member with a client of her own making. It is written against `docs/protocol.md` and
//! not against the engine, keeps no rule that it need not keep, and can have accomplices.
#![allow(dead_code, reason = "each test uses a part of her")]

mod behaviour;
mod letter;
mod letters;
mod line;
mod scene;

use mls_rs::client_builder::{
    BaseConfig, IntoConfigOutput, PaddingMode, WithCryptoProvider, WithIdentityProvider,
    WithMlsRules, WithPskStore,
};
use mls_rs::crypto::SignatureSecretKey;
use mls_rs::extension::ExtensionType;
use mls_rs::group::{CommitBuilder, ExportedTree, Member, ReceivedMessage};
use mls_rs::identity::{
    Credential as MlsCredential, CredentialType, CustomCredential, SigningIdentity,
};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::storage_provider::in_memory::InMemoryPreSharedKeyStorage;
use mls_rs::time::MlsTime;
use mls_rs::{Client, Extension, ExtensionList, Group, IdentityProvider, MlsMessage};
use mls_rs_core::identity::MemberValidationContext;
use sotto_engine::identity::{Chain, Credential, InboxAddress, NewAccount, NewDevice};
use sotto_engine::{AccountId, Timestamp};
use sotto_suite::provider::{SUITE, SottoCrypto};
use sotto_suite::rand::{RandomExt, SeededRandom};
use sotto_suite::secret::Secret;
use sotto_suite::sign::{PublicKey, SigningKey};
use sotto_wire::{ChannelId, RelayAddress};

pub use behaviour::any_behaviour;
pub use letter::Opening;
pub use letters::any_letters;
pub use line::{Channel, Line, message, text};
pub use scene::Scene;

const CREDENTIAL: CredentialType = CredentialType::new(0xF001);
const LEAF_CHANNEL: ExtensionType = ExtensionType::new(0xF101);
const GENERATION: ExtensionType = ExtensionType::new(0xF102);
const ROLES: ExtensionType = ExtensionType::new(0xF103);

/// An account whose keys are all in one hand.
pub struct Account(pub NewAccount);

impl Account {
    pub fn new(seed: u8, relay: &RelayAddress, now: Timestamp) -> Self {
        let mut random = SeededRandom::new([seed; 32]);
        let first = NewDevice {
            name: "laptop".into(),
            inboxes: vec![InboxAddress {
                relay: relay.clone(),
                channel: ChannelId(random.bytes()),
            }],
            now: now.seconds(),
            lifetime: 90 * 86_400,
        };
        Self(NewAccount::generate(&mut random, &first).unwrap())
    }

    pub fn id(&self) -> AccountId {
        self.0.account_id()
    }

    /// Its first device.
    pub fn laptop(&self, now: Timestamp) -> Device {
        let credential = self.0.credential.encoded().to_vec();
        Device::new(credential, &self.0.device_key, now)
    }

    /// Another device.
    pub fn phone(&self, now: Timestamp) -> Device {
        Device::certified(&self.0.chain, &self.0.account_key, now)
    }
}

type Config = IntoConfigOutput<
    WithMlsRules<
        DefaultMlsRules,
        WithPskStore<
            InMemoryPreSharedKeyStorage,
            WithIdentityProvider<Anybody, WithCryptoProvider<SottoCrypto, BaseConfig>>,
        >,
    >,
>;

type Builder<'a> = CommitBuilder<'a, Config>;

/// One device, and the group that it is in.
pub struct Device {
    client: Client<Config>,
    psks: InMemoryPreSharedKeyStorage,
    group: Option<Group<Config>>,
    now: MlsTime,
    pub subscriber: SigningKey,
}

/// What founding a group gives: the Welcome, and the tree that travels beside it.
pub struct Founded {
    pub welcome: Vec<u8>,
    pub tree: Vec<u8>,
}

impl Device {
    /// A further device with the account key's own word for it, whoever has got hold of that key.
    pub fn certified(chain: &Chain, account_key: &SigningKey, now: Timestamp) -> Self {
        let key = SigningKey::from_seed(&Secret::new([99; 32]));
        let credential = Credential::issue(chain, account_key, &key.public(), now.seconds());
        Self::new(credential.unwrap().encoded().to_vec(), &key, now)
    }

    fn new(credential: Vec<u8>, key: &SigningKey, now: Timestamp) -> Self {
        let psks = InMemoryPreSharedKeyStorage::default();
        let options = CommitOptions::new()
            .with_path_required(true)
            .with_ratchet_tree_extension(false)
            .with_single_welcome_message(true);
        let rules = DefaultMlsRules::new()
            .with_commit_options(options)
            .with_encryption_options(EncryptionOptions::new(true, PaddingMode::None));
        let mut random = SeededRandom::new(key.public().0);
        let credential = MlsCredential::Custom(CustomCredential::new(CREDENTIAL, credential));
        let client = Client::builder()
            .crypto_provider(SottoCrypto::with_random(SeededRandom::new(random.bytes())))
            .identity_provider(Anybody)
            .psk_store(psks.clone())
            .mls_rules(rules)
            .extension_type(LEAF_CHANNEL)
            .extension_type(ROLES)
            .signing_identity(
                SigningIdentity::new(credential, key.public().0.to_vec().into()),
                SignatureSecretKey::from(key.seed().expose().to_vec()),
                SUITE,
            )
            .build();
        Self {
            client,
            psks,
            group: None,
            now: MlsTime::from(now.seconds()),
            subscriber: SigningKey::from_seed(&random.secret()),
        }
    }

    fn leaf(&self) -> ExtensionList {
        let channel = letter::leaf_channel(&self.subscriber.public());
        vec![Extension::new(LEAF_CHANNEL, channel)].into()
    }

    fn group(&mut self) -> &mut Group<Config> {
        self.group.as_mut().unwrap()
    }

    /// Subscriber keys of all leaves.
    pub fn readers(&mut self) -> Vec<PublicKey> {
        let members = self.group().roster().members();
        let channels = members
            .iter()
            .map(|member| member.extensions.get(LEAF_CHANNEL).unwrap());
        channels
            .map(|channel| letter::subscriber(channel.extension_data()))
            .collect()
    }

    pub fn key_package(&self) -> Vec<u8> {
        let none = ExtensionList::new();
        let package = self
            .client
            .generate_key_package_message(none, self.leaf(), Some(self.now));
        package.unwrap().to_bytes().unwrap()
    }

    fn knows(&self, (name, psk): (&[u8], &Secret<32>)) {
        let psk = PreSharedKey::new(psk.expose().to_vec());
        self.psks
            .clone()
            .insert(ExternalPskId::new(name.to_vec()), psk);
    }

    /// A group with whoever these packages are of; whom its list names is another matter.
    pub fn found(
        &mut self,
        listed: &[AccountId],
        packages: &[Vec<u8>],
        psk: (&[u8], &Secret<32>),
        generation: &Secret<32>,
    ) -> Founded {
        self.knows(psk);
        let roles = vec![Extension::new(ROLES, letter::owners(listed))].into();
        let id = vec![7; 32];
        let group = self
            .client
            .create_group_with_id(id, roles, self.leaf(), Some(self.now));
        let mut group = group.unwrap();
        let info = vec![Extension::new(GENERATION, generation.expose().to_vec())];
        let mut builder = group
            .commit_builder()
            .set_group_info_ext(info.into())
            .add_external_psk(ExternalPskId::new(psk.0.to_vec()))
            .unwrap()
            .commit_time(self.now);
        for package in packages {
            builder = builder
                .add_member(MlsMessage::from_bytes(package).unwrap())
                .unwrap();
        }
        let output = builder.build().unwrap();
        group.apply_pending_commit().unwrap();
        let founded = Founded {
            welcome: output.welcome_messages()[0].to_bytes().unwrap(),
            tree: group.export_tree().to_bytes().unwrap(),
        };
        self.group = Some(group);
        founded
    }

    pub fn join(&mut self, founded: &Founded, psk: (&[u8], &Secret<32>)) {
        self.knows(psk);
        let tree = ExportedTree::from_bytes(&founded.tree)
            .unwrap()
            .into_owned();
        let welcome = MlsMessage::from_bytes(&founded.welcome).unwrap();
        let joined = self.client.join_group(Some(tree), &welcome, Some(self.now));
        self.group = Some(joined.unwrap().0);
    }

    /// Takes what another member sent, and gives what was said; whatever is wrong with it stays her
    /// affair.
    pub fn take(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let message = MlsMessage::from_bytes(message).ok()?;
        match self.group().process_incoming_message(message).ok()? {
            ReceivedMessage::ApplicationMessage(said) => Some(said.data().to_vec()),
            _ => None,
        }
    }

    pub fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let sealed = self
            .group()
            .encrypt_application_message(content, Vec::new());
        sealed.unwrap().to_bytes().unwrap()
    }

    /// The epoch that she is in, and what its members alone can say of it.
    pub fn epoch(&mut self) -> (u64, [u8; 8]) {
        let group = self.group();
        let authenticator = group.epoch_authenticator().unwrap();
        let short = authenticator.as_bytes()[..8].try_into().unwrap();
        (group.context().epoch(), short)
    }

    /// Commits this and whatever has been proposed, and does not wait for anybody.
    fn commit_with(&mut self, what: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
        let now = self.now;
        let group = self.group();
        let builder = what(group.commit_builder());
        let output = builder.commit_time(now).build().unwrap();
        group.apply_pending_commit().unwrap();
        output.commit_message().to_bytes().unwrap()
    }

    /// Commits what has been proposed.
    pub fn commit(&mut self) -> Vec<u8> {
        self.commit_with(|builder| builder)
    }

    pub fn add(&mut self, package: &[u8]) -> Vec<u8> {
        let package = MlsMessage::from_bytes(package).unwrap();
        self.commit_with(|builder| builder.add_member(package).unwrap())
    }

    /// For somebody to commit later.
    pub fn propose_to_add(&mut self, package: &[u8]) -> Vec<u8> {
        let package = MlsMessage::from_bytes(package).unwrap();
        let proposal = self.group().propose_add(package, Vec::new());
        proposal.unwrap().to_bytes().unwrap()
    }

    /// A fresh leaf of her own, for somebody else to commit.
    pub fn propose_update(&mut self) -> Vec<u8> {
        let proposal = self.group().propose_update(Vec::new());
        proposal.unwrap().to_bytes().unwrap()
    }

    /// What she has proposed is no longer hers to commit.
    pub fn forget_proposals(&mut self) {
        self.group().clear_proposal_cache();
    }

    /// Removes the leaf of that device.
    pub fn remove(&mut self, device: &Device) -> Vec<u8> {
        let (identity, _) = device.client.signing_identity().unwrap();
        let key = identity.signature_key.clone();
        self.remove_first(|member| member.signing_identity.signature_key == key)
    }

    /// Removes somebody else.
    pub fn remove_another(&mut self) -> Vec<u8> {
        let own = self.group().current_member_index();
        self.remove_first(|member| member.index != own)
    }

    fn remove_first(&mut self, of: impl Fn(&Member) -> bool) -> Vec<u8> {
        let members = self.group().roster().members();
        let index = members.into_iter().find(|member| of(member)).unwrap().index;
        self.commit_with(|builder| builder.remove_member(index).unwrap())
    }

    /// Puts a pre-shared key into an epoch that is not the first.
    pub fn add_psk(&mut self, (name, _): (&[u8], &Secret<32>)) -> Vec<u8> {
        let name = ExternalPskId::new(name.to_vec());
        self.commit_with(|builder| builder.add_external_psk(name).unwrap())
    }
}

/// Believes everybody.
#[derive(Clone, Copy, Debug)]
struct Anybody;

impl IdentityProvider for Anybody {
    type Error = std::convert::Infallible;

    fn validate_member(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    fn identity(
        &self,
        identity: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<Vec<u8>, Self::Error> {
        Ok(identity.signature_key.as_ref().to_vec())
    }

    fn valid_successor(
        &self,
        _: &SigningIdentity,
        _: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CREDENTIAL]
    }
}
