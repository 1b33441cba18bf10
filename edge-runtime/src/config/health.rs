//! Arguments of `health`.

use clap::Args;

use super::Listen;

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct Health {
    /// Where `serve` listens: the same as was told it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5300", env = "CIRAME_LISTEN")]
    pub listen: Listen,
    /// Fail as well while no model is in service.
    #[arg(long)]
    pub ready: bool,
    /// Longest time for the answer, in seconds.
    #[arg(long, value_name = "S", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub timeout_s: u16,
}
