//! `/api/jobs`: work in the queue, how far it is, and ending it early.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{Problem, STATE, TOO_MANY};
use super::state::ApiState;
use crate::progress::Standing;
use crate::store::{Job, JobId, OwnerId};

/// How often progress is looked at.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(events))
        .routes(routes!(cancel))
}

/// A job and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct JobView {
    /// The job.
    #[serde(flatten)]
    job: Job,
    /// How far it is, while it is in work.
    progress: Option<Standing>,
}

/// One event of a job's stream, as its lines `event:` and `data:` give it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is sent, and is not sent itself")]
struct JobEvent {
    /// `job`.
    event: String,
    /// A JobView as JSON.
    data: String,
}

/// Your jobs, newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", params(PageQuery),
    responses((status = 200, description = "A page of jobs", body = Paged<Job>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<Job>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.jobs(caller.owner(), &page)).await?.into()))
}

/// A job, with its progress while it is in work.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(view(&state, caller.owner(), id).await?))
}

/// Follow a job: server-sent events named `job`, each a job with its progress, whenever something
/// has changed; the last one says how it ended.
#[utoipa::path(get, path = "/api/jobs/{id}/events", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 200, description = "Events, each a JobView as JSON", body = JobEvent,
               content_type = "text/event-stream")))]
async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let too_many = |_| Problem::new(TOO_MANY, "too many jobs are followed at once").retry_after(10);
    let place = state.jobs.followers().try_acquire_owned().map_err(too_many)?;
    let first = view(&state, caller.owner(), id).await?;
    let follower = Follower { state, owner: caller.owner(), next: Some(first), place };
    let stream = futures_util::stream::unfold(follower, |mut follower| async move {
        let view = follower.next.take()?;
        let event = Event::default().event("job").json_data(&view);
        let event =
            event.unwrap_or_else(|error| Event::default().event("error").data(error.to_string()));
        if !view.job.status.is_final() {
            follower.next = follower.after(view).await;
        }
        Some((Ok(event), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// One client that follows one job.
struct Follower {
    state: ApiState,
    owner: OwnerId,
    next: Option<JobView>,
    /// Held, not read: there is a bound on followers.
    #[allow(dead_code)]
    place: tokio::sync::OwnedSemaphorePermit,
}

impl Follower {
    /// Waits until something differs; none where the job has gone or the trainer ends.
    async fn after(&self, last: JobView) -> Option<JobView> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PROGRESS_EVERY) => {}
                () = self.state.jobs.stopping() => return None,
            }
            let now = view(&self.state, self.owner, last.job.id).await.ok()?;
            if now != last {
                return Some(now);
            }
        }
    }
}

/// End a job early. One that waits ends at once; one in work ends as soon as it can.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 202, description = "It will end", body = JobView)))]
async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let owner = caller.owner();
    let cancelled = state.blocking(move |state| {
        let store = state.folder.store();
        Ok(state.jobs.cancel(store, owner, id)?)
    });
    if !cancelled.await? {
        let job = state.store(move |store| store.job(owner, id)).await?;
        let detail = format!("the job has ended already: {}", job.status.name());
        return Err(Problem::new(STATE, detail));
    }
    Ok((StatusCode::ACCEPTED, Json(view(&state, owner, id).await?)))
}

pub(super) async fn view(state: &ApiState, owner: OwnerId, id: JobId) -> Result<JobView, Problem> {
    let job = state.store(move |store| store.job(owner, id)).await?;
    let progress = if job.status.is_final() { None } else { state.jobs.standing(id) };
    Ok(JobView { job, progress })
}
