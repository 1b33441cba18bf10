//! `/api/health`: is the trainer there.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use super::problem::Problem;
use super::state::ApiState;
use crate::clock::now_ms;
use model_format::protocol::PROTOCOL_VERSION;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(health))
}

/// How the trainer is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`: requests are answered and the database can be read.
    status: &'static str,
    /// Version of the trainer.
    version: &'static str,
    /// Version of the protocol that it speaks with devices.
    protocol_version: u32,
    /// The trainer's clock, in milliseconds since 1970 UTC.
    time_ms: i64,
    /// A device that has been silent for longer is taken for offline, in milliseconds.
    device_silence_ms_max: u64,
}

/// Heartbeats that a device may miss before it is taken for offline.
const HEARTBEATS_MISSED_MAX: u64 = 3;

/// What a heartbeat may take on its way.
const HEARTBEAT_WAY_MS: u64 = 5000;

/// Whether the trainer answers and can read its database.
#[utoipa::path(get, path = "/api/health", tag = "health",
    responses((status = 200, description = "It is well", body = Health)))]
async fn health(State(state): State<ApiState>) -> Result<Json<Health>, Problem> {
    state.store(|store| store.check()).await?;
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        protocol_version: PROTOCOL_VERSION,
        time_ms: now_ms(),
        device_silence_ms_max: HEARTBEATS_MISSED_MAX * 1000 * u64::from(state.heartbeat_s)
            + HEARTBEAT_WAY_MS,
    }))
}
