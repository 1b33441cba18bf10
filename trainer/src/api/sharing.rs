//! `/api/data/datasets/{name}/sharing` and `…/target`: who else may see a dataset, and what it is for.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path};
use super::guard::Caller;
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::store::{SHARED_USERS_MAX, Sharing, StoreError};
use crate::training::settings::TargetName;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show, share)).routes(routes!(set_target))
}

/// What a regression on a dataset predicts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TargetRequest {
    /// A channel, or `tag:NAME` for a tag with a number; null for none.
    #[schema(value_type = Option<String>)]
    target: Option<TargetName>,
}

/// Whom a dataset of yours is shared with.
#[utoipa::path(get, path = "/api/data/datasets/{name}/sharing", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")),
    responses((status = 200, description = "Whom it is shared with", body = Sharing)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Sharing>, Problem> {
    Ok(Json(state.store(move |store| store.sharing(caller.owner(), &name)).await?))
}

/// Share a dataset of yours with these and nobody else. Others call it `OWNER:NAME`. What they have made
/// of it stays theirs when they may not see it any more.
#[utoipa::path(put, path = "/api/data/datasets/{name}/sharing", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")), request_body = Sharing,
    responses((status = 204, description = "Shared so")))]
async fn share(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(sharing): Json<Sharing>,
) -> Result<StatusCode, Problem> {
    let users = sharing.users.len();
    if users > SHARED_USERS_MAX {
        let detail = format!("{users} users are named: at most {SHARED_USERS_MAX} are taken");
        return Err(Problem::new(INVALID, detail).with("field", "users"));
    }
    state.store(move |store| store.share_dataset(caller.owner(), &name, &sharing)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what a regression on a dataset of yours predicts: it is proposed where a run names no target.
#[utoipa::path(put, path = "/api/data/datasets/{name}/target", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")),
    request_body = TargetRequest, responses((status = 204, description = "Noted")))]
async fn set_target(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(TargetRequest { target }): Json<TargetRequest>,
) -> Result<StatusCode, Problem> {
    let set = state.blocking(move |state| {
        let store = state.folder.store();
        store.set_dataset_target(caller.owner(), &name, target.as_ref()).map_err(|error| {
            let text = error.to_string();
            match error {
                StoreError::Unknown { kind: "target", .. } => {
                    Problem::new(INVALID, text).with("field", "target")
                }
                error => error.into(),
            }
        })
    });
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}
