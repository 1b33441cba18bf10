//! The log, on standard error.

use std::env;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::config::LogFormat;

/// Starts the log; `RUST_LOG` says which levels it shows, `info` otherwise.
pub(crate) fn start(format: LogFormat) -> anyhow::Result<()> {
    let named = env::var("RUST_LOG").unwrap_or_default();
    let log = registry().with(levels(&named)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with(lines.with_ansi(false)).init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).init(),
    }
    Ok(())
}

/// What is shown of each module; of those that are not named, `info`.
fn levels(named: &str) -> anyhow::Result<Targets> {
    let levels: Targets = match named.trim() {
        "" => Targets::new(),
        named => named.parse().with_context(|| {
            format!(
                "RUST_LOG is {named:?}: it names levels as in `info` or `edge_runtime=debug,ureq=warn`"
            )
        })?,
    };
    let is_complete = levels.default_level().is_some();
    Ok(if is_complete { levels } else { levels.with_default(LevelFilter::INFO) })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_named_for_all_or_for_some_modules() {
        let shows = |named: &str, target: &str, level: Level| {
            levels(named).unwrap().would_enable(target, &level)
        };
        assert!(shows("", "edge_runtime::link", Level::INFO));
        assert!(!shows("", "edge_runtime", Level::DEBUG));
        assert!(shows("debug", "ureq", Level::DEBUG));
        assert!(shows("edge_runtime=debug", "edge_runtime::serve", Level::DEBUG));
        assert!(shows("edge_runtime=debug", "ureq", Level::INFO));
        assert!(!shows("edge_runtime=debug,warn", "ureq", Level::INFO));
        assert!(!shows("off", "edge_runtime", Level::ERROR));
        let error = levels("edge_runtime=loud").unwrap_err().to_string();
        assert!(error.contains("edge_runtime=loud"), "{error}");
    }
}
