//! `/api/training/estimators`: the estimators and their parameters.

use learn::catalogue::CATALOGUE;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use super::state::ApiState;
use crate::catalogue::EstimatorInfo;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// All estimators.
#[derive(Serialize, ToSchema)]
struct EstimatorList {
    /// The estimators.
    items: Vec<EstimatorInfo>,
}

/// All estimators with their parameters, defaults and bounds.
#[utoipa::path(get, path = "/api/training/estimators", tag = "training",
    responses((status = 200, description = "The catalogue", body = EstimatorList)))]
async fn list() -> Json<EstimatorList> {
    Json(EstimatorList {
        items: CATALOGUE.iter().map(|entry| EstimatorInfo::from(*entry)).collect(),
    })
}
