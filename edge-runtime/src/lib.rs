//! The edge runtime: loads an exported model and answers, with no server in sight.

mod answer;
mod backoff;
mod command;
pub mod config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod input;
mod link;
mod log;
mod memory;
mod model_file;
mod serve;
mod service;

use std::io::{self, Write as _};

use anyhow::Context as _;

use config::{Command, Config};

/// Runs one command; results go to standard output, everything else to standard error.
///
/// # Errors
/// Says what was found and what to change; `main` prints it and ends with a failure.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let mut output = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let done = match &config.command {
        Command::Inspect(command) => command.run(&mut output),
        Command::Prove(command) => command.run(&mut output),
        Command::Run(command) => command.run(&mut output),
        Command::Serve(command) => command.run(),
        Command::Health(command) => command.run(&mut output),
        Command::Slots(command) => command.run(&mut output),
        Command::Rollback(command) => command.run(&mut output),
        Command::Install(command) => command.run(&mut output),
    };
    let done = done.and_then(|()| output.flush().context("the output cannot be written"));
    match done {
        // Whoever reads the results may stop early, like `head`.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        done => done,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
