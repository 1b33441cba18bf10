//! Heartbeats: a device tells how it is, and learns what it shall do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BrokerAccess, ModelSignature};
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
    /// Protocol version 1 only: the model that it serves; none where it serves none.
    #[serde(default)]
    pub serving: Option<Deployed>,
    /// Protocol version 1 only: how the deployment stands that it was last told of.
    #[serde(default)]
    pub deployment: Option<DeploymentReport>,
    /// From protocol version 2 on: its models by name, at most [`MODELS_MAX`] and as many whose
    /// deployment it refuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelReport>,
    /// True while it is connected to its broker.
    pub broker_connected: bool,
    /// The `revision` of the broker that it was told, empty where it was told none; absent from a device
    /// that cannot be told anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_revision: Option<String>,
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

/// Most models that a device serves at once, told apart by their names.
pub const MODELS_MAX: usize = 16;

/// One name on a device: what serves under it, and how its deployment stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelReport {
    /// Name of the model.
    pub model: String,
    /// What serves under this name; none where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Deployed>,
    /// How the newest deployment of this name stands that the device knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentReport>,
}

/// A model in service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// Digest of the artifact.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub artifact_sha256: Digest,
    /// The deployment that brought it; none for a model that was given on the command line. One that
    /// was installed on the device by hand has an identifier that begins with [`INSTALLED`].
    #[serde(default)]
    pub deployment_id: Option<String>,
}

/// Beginning of the identifiers of models that somebody installed on the device by hand.
pub const INSTALLED: &str = "installed-";

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DesiredState {
    /// [`super::PROTOCOL_VERSION`] of the trainer; absent from one of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<u32>,
    /// The trainer's clock, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// Time to the next heartbeat, in seconds.
    pub heartbeat_s: u32,
    /// The broker to use from now on, where the device knows it otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerAccess>,
    /// For a device of protocol version 1, which serves one model: the newest deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DesiredModel>,
    /// The models to serve, each with a name of its own; names that are not here are withdrawn. Absent
    /// from a trainer of protocol version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<DesiredModel>>,
}

impl DesiredState {
    /// The models to serve, whichever version of the protocol the trainer speaks.
    pub fn into_models(self) -> Vec<DesiredModel> {
        self.models.unwrap_or_else(|| self.model.into_iter().collect())
    }
}

/// A model that a device shall serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Beyond these the device goes back to the model before.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// The detached signature of the artifact, where the trainer has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub signature: Option<ModelSignature>,
}

/// What a model may take and do in service. The device looks all the time, and goes back to its last
/// good model by itself where one is exceeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest time for 99 of 100 windows, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99_us_max: Option<u64>,
    /// Most resident memory of the whole program, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes_max: Option<u64>,
    /// Largest share of windows, from 0 to 1, that the engine may fail on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_share_max: Option<f64>,
}

impl Limits {
    /// True where nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }

    /// # Errors
    /// Says which limit can never be kept or means nothing.
    pub fn check(&self) -> Result<(), String> {
        if self.latency_p99_us_max == Some(0) {
            return Err("latency_p99_us_max is 0: no model answers in no time".to_owned());
        }
        if self.memory_bytes_max == Some(0) {
            return Err("memory_bytes_max is 0: no program runs in no memory".to_owned());
        }
        match self.failed_share_max {
            Some(share) if !(0.0..1.0).contains(&share) => Err(format!(
                "failed_share_max is {share}: a share from 0 to below 1 is expected, such as 0.01 \
                 for one window in a hundred"
            )),
            _ => Ok(()),
        }
    }
}
