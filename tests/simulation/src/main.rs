//! `sotto-simulate`: plays worlds. `cargo xtask simulate` builds and starts it.

mod command_line;

use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::main()
}
