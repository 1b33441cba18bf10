//! `openapi`: the API's description.

use clap::Args;

use super::report::Report;
use crate::api::openapi_json;

/// Print the OpenAPI document of the service's API.
#[derive(Debug, Args)]
pub(super) struct Openapi {}

impl Openapi {
    pub(super) fn run(&self) -> anyhow::Result<Report> {
        let text = openapi_json()?;
        let json = serde_json::from_str(&text)?;
        Ok(Report { text, json })
    }
}
