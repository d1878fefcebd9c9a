//! `cargo xtask replay FILE`: real conversations between two headless clients, through a
//! real relay process. The work is done by `sotto-replay` of the tests' package.

use crate::args::Args;
use crate::failure::Failure;
use crate::packages;
use crate::tool::Tool;

pub(crate) fn command(mut args: Args) -> Result<(), Failure> {
    let limit = args.number("--limit")?;
    let kill = args.flag("--kill");
    let yes = args.flag("--yes");
    let dev = args.flag("--dev");
    let file = args
        .word()
        .ok_or_else(|| Failure::usage("replay wants a file of conversations"))?;
    args.finish()?;
    packages::ensure(&[packages::BUILD], yes)?;

    // A path is meant from where the person stands; the tool runs in the project's root.
    let path =
        std::path::absolute(&file).map_err(|error| Failure::usage(format!("`{file}`: {error}")))?;
    if !path.is_file() {
        return Err(Failure::usage(format!("there is no file `{file}`")));
    }

    let profile: &[&str] = if dev { &[] } else { &["--release"] };
    // The replay starts `sotto` and `sotto-relay`, so those are built with it.
    let wanted = [
        "--locked",
        "-p",
        "sotto-tests",
        "-p",
        "sotto-cli",
        "-p",
        "sotto-relay",
        "--bins",
    ];
    Tool::cargo(["build"]).args(profile).args(wanted).run()?;
    let mut tool = Tool::cargo(["run", "--quiet"])
        .args(profile)
        .args(wanted.iter().take(3));
    tool = tool.args(["--bin", "sotto-replay", "--"]).args([path]);
    if let Some(limit) = limit {
        tool = tool.args(["--limit".to_owned(), limit.to_string()]);
    }
    if kill {
        tool = tool.args(["--kill"]);
    }
    tool.run()
}
