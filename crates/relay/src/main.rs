//! `sotto-relay`: one relay, from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_relay::operation::main()
}
