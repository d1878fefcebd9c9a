//! Opening a profile, or making one with the few questions that it takes.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use sotto_client::contract::Problem;
use sotto_client::{
    Host, KeyError, NewAccount, Passphrase, Profile, ProfileError, ProfileName, Protection,
};

use super::clean;
use crate::args::{ChatArgs, KeyArgs, NewArgs};
use crate::failure::Failure;
use crate::passphrase;

/// Wrong passphrases before the program gives up.
const TRIES: usize = 3;

/// Opens the profile; makes it if there is nothing at all under its name.
pub(super) async fn open_or_create(host: &Host, args: &ChatArgs) -> Result<Arc<Profile>, Failure> {
    if host.exists(&args.profile) {
        open(host, &args.profile, &args.key).await
    } else {
        create(host, &args.profile, &args.new, &args.key).await
    }
}

async fn open(host: &Host, name: &ProfileName, key: &KeyArgs) -> Result<Arc<Profile>, Failure> {
    let given = key.passphrase_fd.map(passphrase::from_fd).transpose()?;
    let may_ask = given.is_none() && io::stdin().is_terminal();
    let mut passphrase = given;
    for _ in 0..TRIES {
        match host.open(name, passphrase.take()).await {
            Ok(profile) => return Ok(profile),
            Err(ProfileError::Key(error)) if may_ask && asks_for_passphrase(&error) => {
                if matches!(error, KeyError::WrongPassphrase) {
                    say(&error.problem());
                }
                passphrase = Some(passphrase::ask("Passphrase: ").await?);
            }
            Err(error) => return Err(error.problem().into()),
        }
    }
    Err(KeyError::WrongPassphrase.problem().into())
}

fn asks_for_passphrase(error: &KeyError) -> bool {
    matches!(
        error,
        KeyError::PassphraseNeeded | KeyError::WrongPassphrase
    )
}

/// Makes a profile. What the arguments leave out is asked.
pub(crate) async fn create(
    host: &Host,
    profile: &ProfileName,
    new: &NewArgs,
    key: &KeyArgs,
) -> Result<Arc<Profile>, Failure> {
    let name = answer(
        new.name.clone(),
        "Your name, as your contacts will see it: ",
        "--name NAME",
    )
    .await?;
    let relay = answer(
        new.relay.clone(),
        "Your relay (sotto-relay://…): ",
        "--relay ADDR",
    )
    .await?;
    let account = NewAccount {
        name,
        relay,
        device_name: "terminal".into(),
    };
    let protection = match key {
        KeyArgs {
            memory_key: true, ..
        } => Protection::Memory,
        KeyArgs {
            passphrase_fd: Some(fd),
            ..
        } => wrap(passphrase::from_fd(*fd)?),
        KeyArgs {
            passphrase: true, ..
        } => wrap(passphrase::ask_new().await?),
        _ => Protection::Keychain,
    };
    let by_default = protection == Protection::Keychain;
    match host.create(profile, account.clone(), protection).await {
        Ok(made) => Ok(made),
        Err(ProfileError::Key(error @ KeyError::KeychainMissing(_)))
            if by_default && io::stdin().is_terminal() =>
        {
            println!("{}", clean::line(&error.problem().happened));
            println!(
                "A passphrase protects your messages instead. You need it whenever you open Sotto."
            );
            let protection = wrap(passphrase::ask_new().await?);
            let made = host.create(profile, account, protection).await;
            made.map_err(|error| error.problem().into())
        }
        Err(error) => Err(error.problem().into()),
    }
}

fn wrap(passphrase: Passphrase) -> Protection {
    Protection::Passphrase { passphrase }
}

/// What the arguments say, or else what the person says.
async fn answer(
    given: Option<String>,
    question: &'static str,
    flag: &str,
) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given);
    }
    if !io::stdin().is_terminal() {
        let what = question
            .split(['(', ',', ':'])
            .next()
            .unwrap_or(question)
            .trim();
        return Err(Failure::nobody_to_ask(what, flag));
    }
    let typed = tokio::task::spawn_blocking(move || {
        loop {
            print!("{question}");
            io::stdout().flush()?;
            let mut line = String::new();
            if io::stdin().read_line(&mut line)? == 0 {
                return Ok::<_, io::Error>(None);
            }
            if !line.trim().is_empty() {
                return Ok(Some(line.trim().to_owned()));
            }
        }
    });
    typed
        .await
        .map_err(|error| Failure::system(&error))??
        .ok_or_else(Failure::cancelled)
}

fn say(problem: &Problem) {
    println!(
        "{} {}",
        clean::line(&problem.happened),
        clean::line(&problem.next)
    );
}
