//! `/api/data/recordings`: one recording, its samples for a plot, its labels and tags.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::decimate::Decimated;
use crate::labels::{LabelEdit, SPANS_MAX};
use crate::plot::plot;
use crate::recording::{LabelSpan, check_labels, check_tags};
use crate::store::{RecordingId, RecordingPlace, RelabelError, Relabelling};

/// Points where nothing else is asked for.
const POINTS_DEFAULT: u32 = 1000;

/// Most points.
const POINTS_MAX: u32 = 20_000;

/// Largest body with labels: room for so many spans with classes of some length.
pub(super) const LABELS_BYTES_MAX: usize = 16 << 20;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show, delete))
        .routes(routes!(samples))
        .routes(routes!(set_tags))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(set_labels))
                .layer(DefaultBodyLimit::max(LABELS_BYTES_MAX)),
        )
}

/// Which samples, and how many points.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SamplesQuery {
    /// The first row; 0 otherwise.
    from_row: Option<u64>,
    /// The first row after the last one; the end otherwise.
    to_row: Option<u64>,
    /// At most so many points; 1000 otherwise.
    #[param(minimum = 1, maximum = 20000)]
    points: Option<u32>,
    /// Names of channels with commas between them; all otherwise.
    channels: Option<String>,
}

/// The labels of a recording.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Labels {
    /// Name of the label set that gets them; the recording's own labels otherwise.
    label_set: Option<String>,
    /// The spans, sorted, not overlapping.
    labels: Vec<LabelSpan>,
}

/// The tags of a recording.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tags {
    /// Facts about the recording, such as machine, load, operator and session; at most 32.
    tags: BTreeMap<String, String>,
}

/// The version that a change made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewVersion {
    /// Name of the dataset.
    pub(super) dataset: String,
    /// Number of its newest version.
    pub(super) version: u32,
}

/// A recording, as the newest version of its dataset that lists it has it.
#[utoipa::path(get, path = "/api/data/recordings/{id}", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")),
    responses((status = 200, description = "The recording", body = RecordingPlace)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<RecordingPlace>, Problem> {
    Ok(Json(state.store(move |store| store.recording(caller.owner(), id)).await?))
}

/// Samples for a plot: where there are more rows than points, the smallest and the largest value of
/// the rows of each point, so that no peak is lost. Where a point stands for 64 rows or more, the
/// answer begins and ends at a multiple of 64 rows or at the recording's end: `from_row` and
/// `to_row` say where.
#[utoipa::path(get, path = "/api/data/recordings/{id}/samples", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording"), SamplesQuery),
    responses((status = 200, description = "The points", body = Decimated)))]
async fn samples(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
    Query(query): Query<SamplesQuery>,
) -> Result<Json<Decimated>, Problem> {
    let points = query.points.unwrap_or(POINTS_DEFAULT);
    if !(1..=POINTS_MAX).contains(&points) {
        return Err(Problem::new(
            INVALID,
            format!("points is {points}: 1 to {POINTS_MAX} are given"),
        ));
    }
    let owner = caller.owner();
    let decimated = state.blocking(move |state| {
        let entry = state.folder.store().recording(owner, id)?.entry;
        let rows = entry.info.rows;
        let (from, to) = (query.from_row.unwrap_or(0), query.to_row.unwrap_or(rows));
        if from >= to || to > rows {
            let detail = format!("rows {from}..{to} are asked for, the recording has 0..{rows}");
            return Err(Problem::new(INVALID, detail));
        }
        let channels = chosen(&entry.info.channels, query.channels.as_deref())?;
        let plot = plot(&state.folder, &entry, from..to, points.into(), &channels);
        plot.map_err(|error| Problem::internal(&error))
    });
    Ok(Json(decimated.await?))
}

/// Positions of the channels that are asked for.
fn chosen(
    channels: &[crate::store::ChannelInfo],
    asked: Option<&str>,
) -> Result<Vec<usize>, Problem> {
    let Some(asked) = asked else { return Ok((0..channels.len()).collect()) };
    let position = |name: &str| {
        channels.iter().position(|channel| channel.name == name).ok_or_else(|| {
            let known = channels.iter().map(|channel| channel.name.as_str());
            let hint = crate::nearest::hint(&crate::nearest::nearest(name, known));
            Problem::new(INVALID, format!("there is no channel {name:?}{hint}"))
        })
    };
    let mut positions = asked.split(',').map(position).collect::<Result<Vec<_>, _>>()?;
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}

/// Change the labels of a recording: a new version of its dataset. Versions before keep theirs.
#[utoipa::path(put, path = "/api/data/recordings/{id}/labels", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")), request_body = Labels,
    responses((status = 200, description = "The version with the new labels", body = NewVersion)))]
async fn set_labels(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
    Json(request): Json<Labels>,
) -> Result<Json<NewVersion>, Problem> {
    if request.labels.len() > SPANS_MAX {
        let detail = format!("more than {SPANS_MAX} label spans");
        return Err(Problem::new(INVALID, detail).with("field", "labels"));
    }
    let (owner, changed_by) = (caller.owner(), caller.name());
    let changed = state.blocking(move |state| {
        let store = state.folder.store();
        let place = store.recording(owner, id)?;
        check_labels(&request.labels, place.entry.info.rows).map_err(|error| {
            let field = format!("labels.{}", error.field());
            Problem::new(INVALID, error.to_string()).with("field", field)
        })?;
        place.check_newest()?;
        let recording = place.entry.info.name;
        let change = Relabelling {
            label_set: request.label_set,
            edits: vec![LabelEdit::Replace { recording, labels: request.labels }],
            comment: None,
            expected_version: Some(place.newest_version),
            changed_by,
        };
        let version =
            store.relabel(owner, &place.dataset, &change).map_err(|error| match error {
                // The one edit is not the client's: the field is one of this request.
                RelabelError::Edit(edit) => {
                    Problem::new(INVALID, edit.reason).with("field", edit.field)
                }
                error => error.into(),
            })?;
        Ok(NewVersion { dataset: version.dataset, version: version.number })
    });
    Ok(Json(changed.await?))
}

/// Change the tags of a recording of yours: a new version of its dataset. Versions before keep theirs.
#[utoipa::path(put, path = "/api/data/recordings/{id}/tags", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")), request_body = Tags,
    responses((status = 200, description = "The version with the new tags", body = NewVersion)))]
async fn set_tags(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
    Json(Tags { tags }): Json<Tags>,
) -> Result<Json<NewVersion>, Problem> {
    check_tags(&tags).map_err(|change| Problem::new(INVALID, change).with("field", "tags"))?;
    let owner = caller.owner();
    let version = state.store(move |store| store.set_tags(owner, id, tags)).await?;
    Ok(Json(NewVersion { dataset: version.dataset, version: version.number }))
}

/// Take a recording out of its dataset: a new version without it. Versions before keep it.
#[utoipa::path(delete, path = "/api/data/recordings/{id}", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording")),
    responses((status = 200, description = "The version without it", body = NewVersion)))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<(StatusCode, Json<NewVersion>), Problem> {
    let owner = caller.owner();
    let version = state.store(move |store| store.take_out(owner, id)).await?;
    Ok((StatusCode::OK, Json(NewVersion { dataset: version.dataset, version: version.number })))
}
