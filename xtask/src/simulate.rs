//! `cargo xtask simulate`: worlds from seeds. The work is done by `sotto-simulate`, which takes
//! everything that isn't ours.

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::project;
use crate::tool::Tool;

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let yes = args.flag("--yes");
    packages::ensure(&[packages::BUILD], yes)?;
    build()?;
    Tool::new(project::program("sotto-simulate", true))
        .args(args.rest())
        .run()
}

/// As part of the workspace, so that nothing compiles twice for it.
fn build() -> Result<(), Failure> {
    Tool::cargo(["build", "--workspace", "--locked", "--quiet"])
        .args(["--bin", "sotto-simulate"])
        .run()
}
