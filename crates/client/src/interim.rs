//! Holds the place of `sotto_engine::{Engine, Reader, EngineError, NewProfile}` until they land.
#![allow(missing_docs, unreachable_pub, clippy::unused_self, dead_code, reason = "gone in a moment")]
use std::path::Path;
use sotto_engine::{AccountView, ConversationDetails, ConversationId, ConversationView, Input, InviteView, MessageId, MessageView, Outputs, Page, Problem, RequestView, SentAs, Timestamp};
use sotto_suite::{Random, Secret};
use sotto_wire::RelayAddress;
#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct EngineError;
impl EngineError {
    pub fn problem(&self) -> Problem { Problem { code: self.code().into(), happened: "not yet".into(), safe: "yes".into(), next: "wait".into() } }
    pub fn code(&self) -> &'static str { "not_yet" }
}
pub struct NewProfile { pub name: String, pub relay: RelayAddress, pub device_name: String }
pub struct Engine;
type R<T> = Result<T, EngineError>;
impl Engine {
    pub fn create(_: &Path, _: &Secret<32>, _: NewProfile, _: Box<dyn Random>, _: Timestamp) -> R<Self> { Err(EngineError) }
    pub fn open(_: &Path, _: &Secret<32>, _: Box<dyn Random>) -> R<Self> { Err(EngineError) }
    pub fn start(&mut self, _: Timestamp) -> R<Outputs> { Err(EngineError) }
    pub fn handle(&mut self, _: Input, _: Timestamp) -> R<Outputs> { Err(EngineError) }
    pub fn reader(&self) -> R<Reader> { Err(EngineError) }
}
pub struct Reader;
impl Reader {
    pub fn account(&mut self) -> R<AccountView> { Err(EngineError) }
    pub fn conversations(&mut self) -> R<Vec<ConversationView>> { Err(EngineError) }
    pub fn conversation(&mut self, _: ConversationId) -> R<ConversationView> { Err(EngineError) }
    pub fn messages(&mut self, _: ConversationId, _: Option<i64>, _: u32) -> R<Page> { Err(EngineError) }
    pub fn message(&mut self, _: MessageId) -> R<MessageView> { Err(EngineError) }
    pub fn sent_as(&mut self, _: MessageId) -> R<SentAs> { Err(EngineError) }
    pub fn details(&mut self, _: ConversationId) -> R<ConversationDetails> { Err(EngineError) }
    pub fn requests(&mut self) -> R<Vec<RequestView>> { Err(EngineError) }
    pub fn invites(&mut self) -> R<Vec<InviteView>> { Err(EngineError) }
    pub fn recovery_code(&mut self) -> R<Option<String>> { Err(EngineError) }
}
