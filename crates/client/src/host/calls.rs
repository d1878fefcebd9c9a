//! The contract's calls, carried out.

use std::pin::Pin;
use std::sync::Arc;

use sotto_engine::{Problem, Reader, inspect_invite};

use super::{Host, NewAccount};
use crate::clock::Clock;
use crate::contract::{
    self, Answer, Call, CallError, LONGEST_PAGE, Manage, Query, Request, VersionView,
};
use crate::profile::{Profile, ProfileName};

/// The answer to a call that has begun.
pub type Pending = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

impl Host {
    /// Carries out a call of the contract.
    ///
    /// # Errors
    /// A [`Problem`]: why not, what is safe, what to do.
    pub async fn call(&self, call: Call) -> Result<Answer, Problem> {
        self.begin(call).await.await
    }

    /// Begins a call and leaves the waiting to the caller. A command has its place in the order
    /// when this returns, and whatever is about profiles themselves is done by then; reads begin
    /// when they are waited for.
    pub async fn begin(&self, call: Call) -> Pending {
        match self.place(call).await {
            Ok(pending) => pending,
            Err(problem) => Box::pin(std::future::ready(Err(problem))),
        }
    }

    async fn place(&self, call: Call) -> Result<Pending, Problem> {
        let Call { profile, request } = call;
        let done = match (request, profile) {
            (Request::Manage(Manage::Version {}), _) => Answer::Version(VersionView {
                contract: contract::VERSION,
                program: env!("CARGO_PKG_VERSION").into(),
            }),
            (Request::Manage(Manage::ListProfiles {}), _) => {
                Answer::Profiles(self.list().map_err(|error| error.problem())?)
            }
            (Request::Manage(Manage::InspectInvite { link }), _) => {
                Answer::InviteGlance(inspect_invite(&link).map_err(|error| error.problem())?)
            }
            (_, None) => return Err(CallError::ProfileMissing.problem()),
            (Request::Manage(manage), Some(name)) => self.manage(&name, manage).await?,
            (Request::Command(command), Some(name)) => {
                let submitted = self.opened(&name)?.submit(command).await?;
                return Ok(Box::pin(async {
                    submitted.result().await.map(Answer::Done)
                }));
            }
            (Request::Query(query), Some(name)) => {
                let profile = self.opened(&name)?;
                return Ok(Box::pin(async move { profile.query(query).await }));
            }
        };
        Ok(Box::pin(std::future::ready(Ok(done))))
    }

    async fn manage(&self, name: &ProfileName, manage: Manage) -> Result<Answer, Problem> {
        match manage {
            Manage::Version {} | Manage::ListProfiles {} | Manage::InspectInvite { .. } => {}
            Manage::CreateProfile {
                name: person,
                relay,
                device_name,
                protection,
            } => {
                let account = NewAccount {
                    name: person,
                    relay,
                    device_name,
                };
                self.create(name, account, protection)
                    .await
                    .map_err(|error| error.problem())?;
            }
            Manage::OpenProfile { passphrase } => {
                self.open(name, passphrase)
                    .await
                    .map_err(|error| error.problem())?;
            }
            Manage::CloseProfile {} => self.close_profile(name).await,
            Manage::ReconnectRelays {} => self.opened(name)?.reconnect_relays().await,
        }
        Ok(Answer::Nothing(()))
    }

    fn opened(&self, name: &ProfileName) -> Result<Arc<Profile>, Problem> {
        self.profile(name)
            .ok_or_else(|| CallError::NotOpen.problem())
    }
}

impl Profile {
    /// Answers a query of the contract.
    ///
    /// # Errors
    /// What the database says, or that there is no such thing.
    pub async fn query(&self, query: Query) -> Result<Answer, Problem> {
        match query {
            Query::Relays {} => Ok(Answer::Relays(self.relays())),
            Query::Account {} => self.read(|r| r.account()).await.map(Answer::Account),
            Query::Conversations {} => self
                .read(|r| r.conversations())
                .await
                .map(Answer::Conversations),
            Query::Conversation { conversation } => self
                .read(move |r| r.conversation(conversation))
                .await
                .map(Answer::Conversation),
            Query::Messages {
                conversation,
                before,
                after,
                limit,
            } => {
                let limit = limit.clamp(1, LONGEST_PAGE);
                let read = move |r: &mut Reader| match after {
                    Some(after) => r.messages_after(conversation, after, limit),
                    None => r.messages(conversation, before, limit),
                };
                self.read(read).await.map(Answer::Messages)
            }
            Query::Message { message } => self
                .read(move |r| r.message(message))
                .await
                .map(Answer::Message),
            Query::SentAs { message } => self
                .read(move |r| r.sent_as(message))
                .await
                .map(Answer::SentAs),
            Query::Details { conversation } => self
                .read(move |r| r.details(conversation))
                .await
                .map(Answer::Details),
            Query::Requests {} => self.read(|r| r.requests()).await.map(Answer::Requests),
            Query::Invites {} => {
                let now = Clock::new().now();
                self.read(move |r| r.invites(now))
                    .await
                    .map(Answer::Invites)
            }
            Query::RecoveryCode {} => self
                .read(|r| r.recovery_code())
                .await
                .map(Answer::RecoveryCode),
        }
    }
}
