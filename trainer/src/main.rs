//! `cirame-trainer`: parses its arguments and calls `trainer::run`.

use std::io::stdout;
use std::process::ExitCode;

use clap::Parser as _;
use trainer::cli::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    let json = config.json;
    match trainer::run(config, &mut stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if json {
                println!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            }
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
