//! `cargo xtask chaos`: real programs under real faults. The work is done by `sotto-chaos`, which
//! takes everything that isn't ours.

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::programs;
use crate::project;
use crate::tool::Tool;

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    packages::ensure(&[packages::BUILD], yes)?;
    // As the tests build them, so that nothing compiles twice for it.
    programs::build(&["sotto", "sotto-relay", "sotto-chaos"], true)?;
    Tool::new(project::program("sotto-chaos", true))
        .args(args.rest())
        .run()
}
