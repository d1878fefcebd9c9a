//! `cargo xtask replay FILE`: real conversations between two headless clients, through a
//! real relay process. The work is done by `sotto-replay` of the tests' package, which takes
//! everything that isn't ours.

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::programs;
use crate::project;
use crate::tool::Tool;

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    let dev = args.flag("--dev");
    let rest = args.rest();
    if rest.is_empty() {
        return Err(Failure::usage("replay wants a file of conversations"));
    }
    packages::ensure(&[packages::BUILD], yes)?;

    // The replay starts `sotto` and `sotto-relay`, so those are built with it.
    programs::build(&["sotto", "sotto-relay", "sotto-replay"], dev)?;
    Tool::new(project::program("sotto-replay", dev))
        .args(rest)
        .in_this_folder()
        .run()
}
