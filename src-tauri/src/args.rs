//! The command line.

use std::path::PathBuf;

use clap::Parser;
use sotto_client::ProfileName;

/// Private chat, end to end encrypted, through relays that can't read.
#[derive(Debug, Parser)]
#[command(
    name = "sotto-app",
    version,
    after_help = "Exit codes: 0 the window was closed, or shows already; 1 it can't be shown; \
                  2 wrong arguments."
)]
pub(crate) struct Args {
    /// Folder with the profiles, instead of the usual one.
    #[arg(long, value_name = "DIR", env = "SOTTO_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Which profile the window shows.
    #[arg(long, value_name = "PROFILE", default_value = "main")]
    pub(crate) profile: ProfileName,
    /// Home relay that is proposed for a new profile, `sotto-relay://…`.
    #[arg(long, value_name = "ADDR", env = "SOTTO_RELAY")]
    pub(crate) relay: Option<String>,
    /// Speak the contract as JSON-RPC 2.0 on standard input and output too. The end of the input
    /// does not close the window.
    #[arg(long)]
    pub(crate) rpc: bool,
    /// Whose window this is, where several stand side by side: the title becomes "NAME – Sotto".
    #[arg(long, value_name = "NAME")]
    pub(crate) title: Option<String>,
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
