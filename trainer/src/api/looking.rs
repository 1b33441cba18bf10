//! Spectra of recordings, and what a dataset version holds.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::ingest::parquet::ParquetError;
use crate::looking::LookError;
use crate::looking::overview::{Overview, overview};
use crate::looking::spectrum::{Asked, Spectrogram, Spectrum, spectrogram, spectrum};
use crate::progress::Progress;
use crate::store::RecordingId;
use crate::training::settings::Selector;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show_spectrum))
        .routes(routes!(show_spectrogram))
        .routes(routes!(show_overview))
}

/// Which span, and how it is cut into segments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SpectrumQuery {
    /// The first row; 0 otherwise.
    from_row: Option<u64>,
    /// The first row after the last one; the end otherwise.
    to_row: Option<u64>,
    /// Names of channels with commas between them; all otherwise.
    channels: Option<String>,
    /// Rows of a segment; 1024, or the span where it is shorter, otherwise.
    #[param(minimum = 8, maximum = 65536)]
    segment_rows: Option<u64>,
    /// How much of a segment belongs to the next one as well; 0.5 otherwise.
    #[param(minimum = 0, maximum = 0.95)]
    overlap: Option<f64>,
}

/// Which span of which channel, and how many columns.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SpectrogramQuery {
    /// The first row; 0 otherwise.
    from_row: Option<u64>,
    /// The first row after the last one; the end otherwise.
    to_row: Option<u64>,
    /// Name of the channel.
    channel: String,
    /// Rows of a segment; 1024, or the span where it is shorter, otherwise.
    #[param(minimum = 8, maximum = 65536)]
    segment_rows: Option<u64>,
    /// How much of a segment belongs to the next one as well; 0.5 otherwise.
    #[param(minimum = 0, maximum = 0.95)]
    overlap: Option<f64>,
    /// At most so many columns; 500 otherwise. A column is the mean of as many segments as it takes.
    #[param(minimum = 1, maximum = 2000)]
    columns: Option<u64>,
}

/// Which recordings are tested on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct OverviewQuery {
    /// `tag:NAME=VALUE` or `recording:NAME`, where `*` is any text; several with commas between them.
    /// Those that their source has set aside for testing otherwise.
    test: Option<String>,
}

/// The mean power density of a span (Welch: segments under a Hann window, their mean taken out).
#[utoipa::path(get, path = "/api/data/recordings/{id}/spectrum", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording"), SpectrumQuery),
    responses((status = 200, description = "The spectrum of each channel", body = Spectrum)))]
async fn show_spectrum(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
    Query(query): Query<SpectrumQuery>,
) -> Result<Json<Spectrum>, Problem> {
    let owner = caller.owner();
    let asked = Asked {
        from_row: query.from_row,
        to_row: query.to_row,
        channels: query.channels.map(|names| names.split(',').map(str::to_owned).collect()),
        segment_rows: query.segment_rows,
        overlap: query.overlap,
    };
    let shown = state.replaying(move |state| {
        let entry = state.folder.store().recording(owner, id)?.entry;
        Ok(spectrum(&state.folder, &entry, &asked)?)
    });
    Ok(Json(shown.await?))
}

/// Power densities of one channel over time.
#[utoipa::path(get, path = "/api/data/recordings/{id}/spectrogram", tag = "data",
    params(("id" = RecordingId, Path, description = "The recording"), SpectrogramQuery),
    responses((status = 200, description = "The spectrogram", body = Spectrogram)))]
async fn show_spectrogram(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
    Query(query): Query<SpectrogramQuery>,
) -> Result<Json<Spectrogram>, Problem> {
    let owner = caller.owner();
    let asked = Asked {
        from_row: query.from_row,
        to_row: query.to_row,
        channels: Some(vec![query.channel]),
        segment_rows: query.segment_rows,
        overlap: query.overlap,
    };
    let shown = state.replaying(move |state| {
        let entry = state.folder.store().recording(owner, id)?.entry;
        Ok(spectrogram(&state.folder, &entry, &asked, query.columns)?)
    });
    Ok(Json(shown.await?))
}

/// What a dataset version holds: classes and durations, the balance of a split, recordings that are
/// in it twice, and what would leak from training into testing.
#[utoipa::path(get, path = "/api/data/datasets/{name}/versions/{number}/overview", tag = "data",
    params(("name" = String, Path, description = "The dataset's name"),
           ("number" = u32, Path, description = "The version's number"), OverviewQuery),
    responses((status = 200, description = "The overview", body = Overview)))]
async fn show_overview(
    State(state): State<ApiState>,
    caller: Caller,
    Path((name, number)): Path<(String, u32)>,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<Overview>, Problem> {
    let owner = caller.owner();
    let selectors = query.test.as_deref().unwrap_or_default().split(',').filter(|t| !t.is_empty());
    let test = selectors.map(str::parse::<Selector>).collect::<Result<Vec<_>, _>>();
    let test =
        test.map_err(|error| Problem::new(INVALID, error.to_string()).with("field", "test"))?;
    let shown = state.replaying(move |state| {
        let version = state.folder.store().dataset_version(owner, &name, Some(number))?;
        let progress = Progress::figures(std::sync::Arc::default(), std::sync::Arc::default());
        Ok(overview(&state.folder, &version, &test, &progress)?)
    });
    Ok(Json(shown.await?))
}

impl From<LookError> for Problem {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Asked { field, change } => {
                Problem::new(INVALID, change).with("field", field)
            }
            LookError::Recording(ParquetError::Folder(error)) => error.into(),
            LookError::Recording(error) => Problem::internal(&error),
            LookError::Store(error) => error.into(),
            LookError::Cancelled(error) => error.into(),
        }
    }
}
