//! `sotto profile list | create`.

use sotto_client::{Host, KeySource};
use tokio_util::sync::CancellationToken;

use crate::args::{ProfileArgs, ProfileVerb};
use crate::chat::setup;
use crate::failure::Failure;

pub(crate) async fn run(args: ProfileArgs, stop: CancellationToken) -> Result<(), Failure> {
    let host = Host::new(args.data.config()?, stop);
    let result = match args.verb {
        ProfileVerb::List => list(&host),
        ProfileVerb::Create { profile, new, key } => {
            if host.exists(&profile) {
                // Asking for a name and a relay first would be in vain.
                Err(sotto_client::FolderError::Exists(profile).problem().into())
            } else {
                setup::create(&host, &profile, &new, &key).await.map(|_| {
                    println!("The profile {profile} is made.");
                })
            }
        }
    };
    host.close().await;
    result
}

fn list(host: &Host) -> Result<(), Failure> {
    let profiles = host.list().map_err(|error| error.problem())?;
    if profiles.is_empty() {
        println!("There is no profile here yet. `sotto chat` makes one.");
    }
    for profile in profiles {
        let key = match profile.key {
            KeySource::Keychain => "key in the keychain",
            KeySource::Passphrase => "opens with a passphrase",
            KeySource::Memory => "throwaway",
        };
        println!("{:<32}  {key}", profile.profile.as_str());
    }
    Ok(())
}
