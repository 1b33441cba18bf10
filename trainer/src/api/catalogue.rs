//! `/api/features/catalogue`: the features and their definitions.

use model_format::signal::features::{CATALOGUE, Feature, LOOKING_BACK};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use super::state::ApiState;
use crate::catalogue::FeatureInfo;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// All features.
#[derive(Serialize, ToSchema)]
struct FeatureList {
    /// The features, family by family.
    items: Vec<FeatureInfo>,
    /// Features that look back: for K in the name stands a number of samples, such as `lag_3`.
    looking_back: Vec<FeatureInfo>,
}

/// All features with definition, unit, source, and what each one needs.
#[utoipa::path(get, path = "/api/features/catalogue", tag = "features",
    responses((status = 200, description = "The catalogue", body = FeatureList)))]
async fn list() -> Json<FeatureList> {
    let described =
        |features: &[&Feature]| features.iter().copied().map(FeatureInfo::from).collect();
    Json(FeatureList { items: described(CATALOGUE), looking_back: described(LOOKING_BACK) })
}
