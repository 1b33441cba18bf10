//! `cirame-edge`: parses its arguments and calls `edge_runtime::run`.

use std::process::ExitCode;

use clap::Parser as _;
use edge_runtime::config::Config;

fn main() -> ExitCode {
    match edge_runtime::run(&Config::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
