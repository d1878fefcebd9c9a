//! `cargo xtask types`: the contract's TypeScript, made anew from its Rust types.

use crate::args::Args;
use crate::failure::Failure;
use crate::tool::Tool;

pub(crate) fn command(args: Args) -> Result<(), Failure> {
    args.finish()?;
    // The same test that fails when the file is stale writes it when asked to.
    Tool::cargo([
        "test",
        "--locked",
        "-p",
        "sotto-client",
        "--lib",
        "bindings_are_up_to_date",
    ])
    .env("SOTTO_WRITE_BINDINGS", "1")
    .run()?;
    println!("crates/client/bindings/contract.ts is current.");
    Ok(())
}
