//! `/api/deployments`: model versions assigned to devices.

use axum::extract::State;
use axum::http::StatusCode;
use model_format::protocol::Limits;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::tell_deployments;
use super::extract::{Json, Once, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::store::{Deployment, DeploymentId, DeviceId};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, withdraw))
}

/// What shall be deployed where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeploymentRequest {
    /// The device.
    device_id: DeviceId,
    /// Name of the model.
    model: String,
    /// Number of its version; the newest otherwise.
    version: Option<u32>,
    /// Beyond these the device goes back to the model before by itself.
    #[serde(default)]
    limits: Limits,
}

/// Which deployments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct DeploymentQuery {
    /// Only those of this device.
    device_id: Option<DeviceId>,
    /// At most so many items; 50 otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// What the page before gave as `next`.
    cursor: Option<String>,
}

/// Your deployments, newest first. Of each name of a model, a device's newest one is what it shall serve,
/// unless it was withdrawn.
#[utoipa::path(get, path = "/api/deployments", tag = "devices", params(DeploymentQuery),
    responses((status = 200, description = "A page of deployments", body = Paged<Deployment>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<DeploymentQuery>,
) -> Result<Json<Paged<Deployment>>, Problem> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor }.page_of()?;
    let owner = caller.owner();
    let deployments = state.store(move |store| store.deployments(owner, query.device_id, &page));
    Ok(Json(deployments.await?.into()))
}

/// Deploy a model version to a device, in the place of the one with its name or beside the others; to
/// go back, deploy the version before. With an Idempotency-Key, asking again gives the same deployment.
#[utoipa::path(post, path = "/api/deployments", tag = "devices", request_body = DeploymentRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "For asking again")),
    responses((status = 201, description = "The device will take it", body = Deployment)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Once(request, attempt): Once<DeploymentRequest>,
) -> Result<(StatusCode, Json<Deployment>), Problem> {
    let owner = caller.owner();
    request.limits.check().map_err(|reason| Problem::new(INVALID, reason))?;
    let (deployment, before) = state
        .store(move |store| {
            let (device, model) = (request.device_id, request.model.as_str());
            let before = store.newest_deployment_of(owner, device, model)?;
            let versioned = (model, request.version);
            let made = store.deploy(owner, device, versioned, request.limits, attempt.as_ref())?;
            Ok((made, before))
        })
        .await?;
    let before = before.filter(|before| *before != deployment.id);
    let told = before.into_iter().chain([deployment.id]).collect();
    tell_deployments(&state, owner, deployment.device_id, told).await?;
    Ok((StatusCode::CREATED, Json(deployment)))
}

/// Take a deployment away: the device serves nothing of this name any more, not what was deployed
/// before it either.
#[utoipa::path(delete, path = "/api/deployments/{id}", tag = "devices",
    params(("id" = DeploymentId, Path, description = "The deployment")),
    responses((status = 200, description = "The device will withdraw it", body = Deployment)))]
async fn withdraw(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
) -> Result<Json<Deployment>, Problem> {
    let owner = caller.owner();
    let deployment = state.store(move |store| store.withdraw(owner, id)).await?;
    tell_deployments(&state, owner, deployment.device_id, vec![id]).await?;
    Ok(Json(deployment))
}

/// A deployment, with the device's own proof once it has made one.
#[utoipa::path(get, path = "/api/deployments/{id}", tag = "devices",
    params(("id" = DeploymentId, Path, description = "The deployment")),
    responses((status = 200, description = "The deployment", body = Deployment)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<DeploymentId>,
) -> Result<Json<Deployment>, Problem> {
    Ok(Json(state.store(move |store| store.deployment(caller.owner(), id)).await?))
}
