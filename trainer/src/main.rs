//! `cirame-trainer`: parses its arguments and calls `trainer::run`.

use std::io::stdout;
use std::process::ExitCode;

use clap::Parser as _;
use trainer::cli::Config;

fn main() -> ExitCode {
    let config = Config::parse();
    let json = config.json;
    // Not locked: other threads of a service print as well.
    match trainer::run(config, &mut stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = explain(&error);
            // What a report has told is not told again.
            if json && !error.is::<trainer::cli::Told>() {
                println!("{}", serde_json::json!({ "error": text }));
            }
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each said once: some errors repeat their cause themselves.
fn explain(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| match cause.to_string() {
        cause if text.contains(&cause) => text,
        cause if text.is_empty() => cause,
        cause => format!("{text}: {cause}"),
    })
}
