//! `/api/features/catalogue`: the features and their definitions.

use model_format::signal::features::CATALOGUE;
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
}

/// All features with definition, unit, source, and what each one needs.
#[utoipa::path(get, path = "/api/features/catalogue", tag = "features",
    responses((status = 200, description = "The catalogue", body = FeatureList)))]
async fn list() -> Json<FeatureList> {
    Json(FeatureList {
        items: CATALOGUE.iter().map(|feature| FeatureInfo::from(*feature)).collect(),
    })
}
