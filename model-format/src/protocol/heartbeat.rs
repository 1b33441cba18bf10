//! Heartbeats: a device tells how it is, and learns what it shall do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::Digest;

/// `POST /api/devices/{id}/heartbeat`: how the device is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// [`super::PROTOCOL_VERSION`] of the device.
    pub protocol_version: u32,
    /// Version of its program.
    pub version: String,
    /// Seconds since its program started.
    pub uptime_s: u64,
    /// Resident memory of its program, in bytes.
    pub memory_bytes: u64,
    /// The model that it serves; none where it serves none.
    #[serde(default)]
    pub serving: Option<Deployed>,
    /// How the deployment stands that it was last told of.
    #[serde(default)]
    pub deployment: Option<DeploymentReport>,
    /// True while it is connected to its broker.
    pub broker_connected: bool,
    /// Its streams; at most 100, the busiest first.
    #[serde(default)]
    pub streams: Vec<StreamReport>,
    /// Windows answered since its program started.
    pub windows: u64,
    /// Samples dropped since its program started, whatever the reason.
    pub dropped_samples: u64,
    /// Results dropped since its program started, as no broker took them.
    pub dropped_results: u64,
}

/// A model in service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// Digest of the artifact.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub artifact_sha256: Digest,
    /// The deployment that brought it; none for a model that was given on the command line.
    #[serde(default)]
    pub deployment_id: Option<String>,
}

/// How a deployment stands on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeploymentReport {
    /// The deployment.
    pub deployment_id: String,
    /// How far it is.
    pub state: DeploymentState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The device's own proof, with the latency that it measured: `engine::proof::Proof` as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Value>,
}

/// How far a deployment is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// The artifact is on its way.
    Downloading,
    /// The golden windows are being replayed.
    Proving,
    /// The model answers.
    Serving,
    /// It does not go into service; the model before it goes on.
    Failed,
}

/// One stream as the device sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StreamReport {
    /// Name of the stream.
    pub stream: String,
    /// Whether the model can answer it.
    pub state: StreamState,
    /// Samples that came.
    pub samples: u64,
    /// Samples that were dropped.
    pub dropped_samples: u64,
    /// Windows answered.
    pub windows: u64,
    /// Where the model cannot answer it: what comes, what the model wants, what is nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
}

/// Whether a stream matches the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// Its samples become windows.
    Matched,
    /// It lacks channels that the model needs.
    Mismatched,
    /// There is no model yet.
    Waiting,
}

/// The answer to a heartbeat: what the device shall do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DesiredState {
    /// The trainer's clock, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Time to the next heartbeat, in seconds.
    pub heartbeat_s: u32,
    /// The model to serve; absent while nothing was ever deployed: the device keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DesiredModel>,
}

/// A model that a device shall serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DesiredModel {
    /// The deployment, for reports. A new one for the same artifact means: try again.
    pub deployment_id: String,
    /// Name of the model.
    pub model: String,
    /// Number of its version.
    pub version: u32,
    /// Digest of the artifact, for the path to get it by and to check it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub artifact_sha256: Digest,
    /// Size of the artifact, in bytes.
    pub artifact_bytes: u64,
}
