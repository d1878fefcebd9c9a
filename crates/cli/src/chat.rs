//! `sotto chat`: a plain, pleasant chat in the terminal.

pub(crate) mod clean;
mod command;
mod editor;
mod line;
mod lines;
mod screen;
mod session;
pub(crate) mod setup;
mod style;
mod text;

use sotto_client::Host;
use tokio_util::sync::CancellationToken;

use crate::args::ChatArgs;
use crate::failure::Failure;

/// Opens or makes the profile and chats until the person leaves.
pub(crate) async fn run(args: ChatArgs, stop: CancellationToken) -> Result<(), Failure> {
    let host = Host::new(args.data.config()?, CancellationToken::new());
    // From before the profile opens, so that nothing is missed.
    let events = host.events();
    let result = async {
        let profile = setup::open_or_create(&host, &args).await?;
        session::Session::begin(profile, args.profile.clone())
            .await?
            .run(events, stop)
            .await
    };
    let result = result.await;
    host.close().await;
    result
}
