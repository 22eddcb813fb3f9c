//! `retrial sandbox` as a separate program.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrial_verify::sandbox::enter(std::env::args_os().skip(1))
}
