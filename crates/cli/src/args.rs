//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use sotto_client::{HostConfig, ProfileName, Timing};

use crate::failure::Failure;

/// Private chat, end to end encrypted, through relays that can't read.
#[derive(Debug, Parser)]
#[command(
    name = "sotto",
    version,
    after_help = "Exit codes: 0 done, 1 something failed, 2 wrong arguments, \
                  3 the key can't be had (keychain, passphrase), \
                  4 the profile can't be opened or made."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Chat in the terminal.
    Chat(ChatArgs),
    /// Speak the contract as JSON-RPC 2.0 on standard input and output, one JSON a line.
    Rpc(DataArgs),
    /// Chat in browsers on this machine: prints an address for each, and serves them.
    Web(WebArgs),
    /// List or make profiles.
    Profile(ProfileArgs),
}

/// Where the profiles are.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct DataArgs {
    /// Folder with the profiles, instead of the usual one.
    #[arg(long, value_name = "DIR", env = "SOTTO_DATA", global = true)]
    pub(crate) data: Option<PathBuf>,
}

/// How to get at a key.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct KeyArgs {
    /// Read the passphrase's line from this open file instead of asking. A new profile is then
    /// protected by it.
    #[arg(long, value_name = "N", conflicts_with = "memory_key")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Protect a new profile with a passphrase even if there is a keychain.
    #[arg(long, conflicts_with = "memory_key")]
    pub(crate) passphrase: bool,
    /// Keep the key of a new profile in memory alone: it can't be opened again.
    #[arg(long)]
    pub(crate) memory_key: bool,
}

/// `sotto chat`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Which profile; it is made if it is not there.
    #[arg(long, value_name = "PROFILE", default_value = "main")]
    pub(crate) profile: ProfileName,
    #[command(flatten)]
    pub(crate) new: NewArgs,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

/// `sotto web`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct WebArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Which profile the screens show; they offer to make it if it is not there.
    #[arg(long, value_name = "PROFILE", default_value = "main")]
    pub(crate) profile: ProfileName,
    /// Home relay that is proposed for a new profile, `sotto-relay://…`.
    #[arg(long, value_name = "ADDR", env = "SOTTO_RELAY")]
    pub(crate) relay: Option<String>,
    /// Port on 127.0.0.1; 0 takes one that is free.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Speak JSON-RPC on standard input and output as well: addresses come as notifications, and
    /// the end of the input ends the program.
    #[arg(long)]
    pub(crate) rpc: bool,
}

/// What a new profile is to be; what is missing is asked for.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct NewArgs {
    /// Home relay of a new profile, `sotto-relay://…`.
    #[arg(long, value_name = "ADDR", env = "SOTTO_RELAY")]
    pub(crate) relay: Option<String>,
    /// Name that contacts of a new profile will see.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `sotto profile`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(subcommand)]
    pub(crate) verb: ProfileVerb,
}

/// What to do with profiles.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProfileVerb {
    /// Show the profiles on this machine.
    List,
    /// Make a profile.
    Create {
        /// What it is called on this machine: small letters, digits, - or _.
        profile: ProfileName,
        #[command(flatten)]
        new: NewArgs,
        #[command(flatten)]
        key: KeyArgs,
    },
}

impl DataArgs {
    /// The host's set-up.
    pub(crate) fn config(&self) -> Result<HostConfig, Failure> {
        match &self.data {
            Some(data) => Ok(HostConfig {
                data: data.clone(),
                timing: Timing::default(),
            }),
            None => HostConfig::standard().ok_or_else(Failure::no_data_folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Args;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
