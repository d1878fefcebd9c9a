//! The `sotto` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_cli::main()
}
