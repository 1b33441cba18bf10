//! `/api/data/recorders` and `/api/data/topics`: recordings of what devices publish.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path};
use super::guard::Caller;
use super::problem::{INVALID, NOT_FOUND, Problem, STATE, TOO_MANY, UNAVAILABLE};
use super::state::ApiState;
use crate::broker::{BrokerOption, BrokerReach};
use crate::recorder::recorders::{Recorder, RecordersError};
use crate::recorder::topics::{self, Topics};
use crate::recorder::{RecordError, RecordSettings, SettingError, check_class};
use crate::store::RecorderId;

/// How long is listened where nothing else is said, in seconds.
const SECONDS_DEFAULT: f64 = 5.0;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(label))
        .routes(routes!(stop))
        .routes(routes!(find_topics))
}

/// What shall be recorded, from where, for which dataset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecorderRequest {
    /// Name of the dataset; made where there is none.
    dataset: String,
    /// The broker, as `mqtt://[USER[:PASSWORD]@]HOST[:PORT]`, or `mqtts://` for TLS; the one that the
    /// trainer was started with otherwise.
    broker: Option<String>,
    /// What shall be recorded.
    settings: RecordSettings,
}

/// The class of what comes from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LabelRequest {
    /// The class; none where it shall have none.
    label: Option<String>,
}

/// Where to listen, and for how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TopicsRequest {
    /// The broker, as for a recorder.
    broker: Option<String>,
    /// Topics, with `+` for a level and a last `#` for all below; all topics otherwise.
    filter: Option<String>,
    /// How long, in seconds; 5 otherwise.
    #[schema(minimum = 0.1, maximum = 60)]
    seconds: Option<f64>,
}

/// Recorders.
#[derive(Serialize, ToSchema)]
struct RecorderList {
    /// Newest first.
    items: Vec<Recorder>,
}

/// The recorders that are at work, and the last hundred of yours that have ended.
#[utoipa::path(get, path = "/api/data/recorders", tag = "data",
    responses((status = 200, description = "The recorders", body = RecorderList)))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Json<RecorderList> {
    Json(RecorderList { items: state.recorders.list(caller.owner()) })
}

/// Start a recorder: what comes on the topics goes into a journal, and becomes recordings of the
/// dataset, one for each stream, once it is stopped or its bound is reached. A crash of the trainer
/// costs what came in its last second.
#[utoipa::path(post, path = "/api/data/recorders", tag = "data", request_body = RecorderRequest,
    responses((status = 201, description = "It records", body = Recorder)))]
async fn start(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<RecorderRequest>,
) -> Result<(StatusCode, Json<Recorder>), Problem> {
    let RecorderRequest { dataset, broker, settings } = request;
    let plan = settings.check()?;
    let broker = reach(&state, broker.as_deref())?;
    let owner = caller.owner();
    let started = state.blocking(move |state| {
        let dataset = state.folder.store().own_dataset_name(owner, &dataset)?;
        Ok(state.recorders.start(owner, dataset, settings, plan, broker)?)
    });
    Ok((StatusCode::CREATED, Json(started.await?)))
}

/// A recorder, with what came of each stream up to now.
#[utoipa::path(get, path = "/api/data/recorders/{id}", tag = "data",
    params(("id" = RecorderId, Path, description = "The recorder")),
    responses((status = 200, description = "The recorder", body = Recorder)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecorderId>,
) -> Result<Json<Recorder>, Problem> {
    Ok(Json(state.recorders.show(caller.owner(), id)?))
}

/// Label what comes from now on.
#[utoipa::path(put, path = "/api/data/recorders/{id}/label", tag = "data",
    params(("id" = RecorderId, Path, description = "The recorder")), request_body = LabelRequest,
    responses((status = 204, description = "What comes next has the class")))]
async fn label(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecorderId>,
    Json(request): Json<LabelRequest>,
) -> Result<StatusCode, Problem> {
    if let Some(class) = &request.label {
        check_class(class).map_err(|change| SettingError::new("label", change))?;
    }
    state.recorders.label(caller.owner(), id, request.label)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop a recorder: its recordings are written then, and its state says when they are there. Where that
/// has failed, as on a full disk, it is tried again.
#[utoipa::path(post, path = "/api/data/recorders/{id}/stop", tag = "data",
    params(("id" = RecorderId, Path, description = "The recorder")),
    responses((status = 202, description = "It ends", body = Recorder)))]
async fn stop(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<RecorderId>,
) -> Result<(StatusCode, Json<Recorder>), Problem> {
    let owner = caller.owner();
    let stopped = state.blocking(move |state| Ok(state.recorders.stop(owner, id)?));
    Ok((StatusCode::ACCEPTED, Json(stopped.await?)))
}

/// Listen at a broker, and tell which topics there are, how their messages seem to be written, and
/// which channels they have.
#[utoipa::path(post, path = "/api/data/topics", tag = "data", request_body = TopicsRequest,
    responses((status = 200, description = "What was heard", body = Topics)))]
async fn find_topics(
    State(state): State<ApiState>,
    _: Caller,
    Json(request): Json<TopicsRequest>,
) -> Result<Json<Topics>, Problem> {
    let seconds = request.seconds.unwrap_or(SECONDS_DEFAULT);
    let filter = request.filter.unwrap_or_else(|| "#".to_owned());
    let listening = topics::check(&filter, seconds)?;
    let broker = reach(&state, request.broker.as_deref())?;
    let heard = state.listening(move |_| Ok(topics::listen(broker, &filter, listening)?));
    Ok(Json(heard.await?))
}

/// The broker that is asked for, or that of the trainer.
fn reach(state: &ApiState, asked: Option<&str>) -> Result<BrokerReach, Problem> {
    let error = |change: &str| Problem::from(SettingError::new("broker", change));
    let Some(asked) = asked else {
        return state.own_broker.clone().ok_or_else(|| {
            error("the trainer was started without one: name it, such as mqtt://HOST:1883")
        });
    };
    match asked.parse() {
        Ok(option @ BrokerOption::Url(_)) => {
            option.reach(state.folder.path(), None).map_err(|refused| error(&refused.to_string()))
        }
        Ok(_) => Err(error("mqtt://[USER[:PASSWORD]@]HOST[:PORT] is expected, or leave it out")),
        Err(refused) => Err(error(&refused.to_string())),
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Problem::new(INVALID, error.change).with("field", error.field)
    }
}

impl From<RecordersError> for Problem {
    fn from(error: RecordersError) -> Self {
        let text = error.to_string();
        match error {
            RecordersError::Unknown(_) => Problem::new(NOT_FOUND, text),
            RecordersError::TooMany => Problem::new(TOO_MANY, text).retry_after(10),
            RecordersError::Ended => Problem::new(STATE, text),
            RecordersError::Labels => Problem::new(TOO_MANY, text).retry_after(1),
            RecordersError::Record(error) => error.into(),
        }
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Broker { .. } => Problem::new(UNAVAILABLE, error.to_string()),
            RecordError::Folder(error) => error.into(),
            RecordError::Store(error) => error.into(),
            RecordError::Cancelled(error) => error.into(),
            error => Problem::internal(&error),
        }
    }
}
