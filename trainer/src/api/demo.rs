//! `/api/demo`: what a start with a demo has made for a first look, and its removal.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use super::guard::Caller;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::demo::{self, Demo};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show, delete))
}

/// What belongs to the demo, if there is one.
#[utoipa::path(get, path = "/api/demo", tag = "demo",
    responses((status = 200, description = "The demo", body = Demo)))]
async fn show(State(state): State<ApiState>, caller: Caller) -> Result<Json<Demo>, Problem> {
    let shown = state.blocking(move |state| {
        let demo = demo::of(&state.folder, caller.owner());
        demo.map_err(|error| Problem::internal(&format!("{error:#}")))
    });
    Ok(Json(shown.await?))
}

/// Remove the demo: its simulated machine stops; its dataset goes with every run, model version
/// and deployment that came of it. The local device stays. It is not made again.
#[utoipa::path(delete, path = "/api/demo", tag = "demo",
    responses((status = 204, description = "Removed"),
              (status = 404, description = "There is no demo", body = ProblemBody,
               content_type = "application/problem+json")))]
async fn delete(State(state): State<ApiState>, caller: Caller) -> Result<StatusCode, Problem> {
    let removed = state.blocking(move |state| {
        let device = demo::remove(&state.folder, &state.playing, caller.owner())?;
        state.live.forget(device, Some(demo::NAME));
        if let Some(accounts) = &state.accounts {
            accounts.look();
        }
        Ok(())
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}
