//! `/api/data/datasets/{name}/labels/changes`: labels are changed, and the history of that.

use axum::extract::{DefaultBodyLimit, State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem};
use super::recordings::{LABELS_BYTES_MAX, NewVersion};
use super::state::ApiState;
use crate::labels::LabelEdit;
use crate::store::{LabelChange, Relabelling};

/// Most edits of one change.
const EDITS_MAX: usize = 1000;

/// Longest comment, in bytes.
const COMMENT_BYTES_MAX: usize = 2000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, change))
        .layer(DefaultBodyLimit::max(LABELS_BYTES_MAX))
}

/// What is to be changed of the labels of a dataset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LabelChangeRequest {
    /// Name of the label set, made where there is none; the recordings' own labels otherwise.
    label_set: Option<String>,
    /// The edits, carried out in this order: all or none.
    edits: Vec<LabelEdit>,
    /// Why, for the history.
    comment: Option<String>,
    /// The version that must be the newest one, so that nobody's work is undone unseen.
    expected_version: Option<u32>,
}

/// Change labels of a dataset: a new version of it. Versions before keep theirs.
#[utoipa::path(post, path = "/api/data/datasets/{name}/labels/changes", tag = "data",
    params(("name" = String, Path, description = "The dataset's name")),
    request_body = LabelChangeRequest,
    responses((status = 200, description = "The version with the new labels", body = NewVersion)))]
async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(request): Json<LabelChangeRequest>,
) -> Result<Json<NewVersion>, Problem> {
    let edits = request.edits.len();
    if !(1..=EDITS_MAX).contains(&edits) {
        let detail = format!("{edits} edits are asked for: a change has 1 to {EDITS_MAX}");
        return Err(Problem::new(INVALID, detail).with("field", "edits"));
    }
    if request.comment.as_ref().is_some_and(|comment| comment.len() > COMMENT_BYTES_MAX) {
        let detail = format!("the comment has more than {COMMENT_BYTES_MAX} bytes");
        return Err(Problem::new(INVALID, detail).with("field", "comment"));
    }
    let (owner, changed_by) = (caller.owner(), caller.name());
    let LabelChangeRequest { label_set, edits, comment, expected_version } = request;
    let change = Relabelling { label_set, edits, comment, expected_version, changed_by };
    let changed = state.blocking(move |state| {
        let version = state.folder.store().relabel(owner, &name, &change)?;
        Ok(NewVersion { dataset: version.dataset, version: version.number })
    });
    Ok(Json(changed.await?))
}

/// What was changed of the labels of a dataset, newest first.
#[utoipa::path(get, path = "/api/data/datasets/{name}/labels/changes", tag = "data",
    params(("name" = String, Path, description = "The dataset's name"), PageQuery),
    responses((status = 200, description = "A page of changes", body = Paged<LabelChange>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<LabelChange>>, Problem> {
    let (owner, page) = (caller.owner(), page.page_of()?);
    Ok(Json(state.store(move |store| store.label_changes(owner, &name, &page)).await?.into()))
}
