//! `/api/devices/events`: what happens on devices, as it happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::guard::Caller;
use super::problem::{Problem, ProblemBody, TOO_MANY};
use super::state::ApiState;
use crate::live::{About, BrokerStanding, DeviceResult, Feed, Lagged, Told};
use crate::store::{Deployment, DeploymentId, Device, DeviceId, OwnerId, PageOf};

/// Devices that are read at once.
const DEVICES_EACH: usize = 50;

/// Longest life of a stream: whoever asks again shows the session or key again.
const STREAM_MAX: Duration = Duration::from_secs(15 * 60);

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// Only those of this device.
    device: Option<DeviceId>,
}

/// One event of the stream, as its lines `event:` and `data:` give it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is sent, and is not sent itself")]
struct DeviceEvent {
    /// `broker`, `device`, `deployment`, `result` or `lagged`.
    event: String,
    /// As JSON: a BrokerStanding, a Device, a Deployment, a DeviceResult or a Lagged.
    data: DeviceEventData,
}

/// What an event tells, by its name.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what is sent, and is not sent itself")]
enum DeviceEventData {
    Broker(BrokerStanding),
    Device(Box<Device>),
    Deployment(Box<Deployment>),
    Result(DeviceResult),
    Lagged(Lagged),
}

/// Follow your devices: server-sent events. At first one `broker`, one `device` for each device
/// and the newest `result`s of each stream, at most 60; then every change. One who reads too slowly gets `lagged`
/// and should ask again. The stream ends after 15 minutes at the latest: browsers then ask again
/// by themselves.
#[utoipa::path(get, path = "/api/devices/events", tag = "devices", params(EventsQuery),
    responses((status = 200, description = "Events", body = DeviceEvent,
               content_type = "text/event-stream"),
              (status = 404, description = "There is no such device", body = ProblemBody,
               content_type = "application/problem+json")))]
async fn events(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let about = About { owner: caller.owner(), device: query.device };
    if let Some(device) = about.device {
        state.store(move |store| store.device(about.owner, device)).await?;
    }
    let feed = state
        .live
        .follow(about)
        .ok_or_else(|| Problem::new(TOO_MANY, "too many follow devices at once").retry_after(10))?;
    let story = Story::new(state, about, feed);
    let stream = futures_util::stream::unfold(story, |mut story| async move {
        let told = story.next().await?;
        Some((Ok(Event::default().event(told.event).data(&*told.data)), story))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// What one client is told, from the beginning.
struct Story {
    state: ApiState,
    about: About,
    feed: Feed,
    /// What is told before anything else is asked for.
    first: VecDeque<Told>,
    /// Devices that are still to be read: from the beginning, or after this cursor.
    devices: Option<Option<String>>,
    ends: Instant,
}

impl Story {
    fn new(state: ApiState, about: About, feed: Feed) -> Self {
        let first = VecDeque::from([feed.broker.clone()]);
        Story { state, about, feed, first, devices: Some(None), ends: Instant::now() + STREAM_MAX }
    }

    /// The next event; none where the store fails, the trainer ends or the time is over.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.first.pop_front() {
                return Some(told);
            }
            match self.devices.take() {
                Some(cursor) => self.read_devices(cursor).await?,
                None => break,
            }
        }
        tokio::select! {
            told = self.feed.next() => told,
            () = self.state.jobs.stopping() => None,
            () = tokio::time::sleep_until(self.ends) => None,
        }
    }

    /// Reads some devices; after the last of them come the results.
    async fn read_devices(&mut self, cursor: Option<String>) -> Option<()> {
        let About { owner, device } = self.about;
        let read = self.state.store(move |store| match device {
            Some(device) => Ok((vec![store.device(owner, device)?], None)),
            None => {
                let page = store.devices(owner, &PageOf { limit: DEVICES_EACH, cursor })?;
                Ok((page.items, page.next))
            }
        });
        let (devices, next) = read.await.ok()?;
        self.first.extend(devices.iter().map(|device| Told::new("device", device)));
        match next {
            Some(next) => self.devices = Some(Some(next)),
            None => self.first.extend(std::mem::take(&mut self.feed.recent)),
        }
        Some(())
    }
}

/// Tells those who follow a device how it is now.
pub(super) async fn tell_device(
    state: &ApiState,
    owner: OwnerId,
    id: DeviceId,
) -> Result<(), Problem> {
    if state.live.is_followed(owner, id) {
        let device = state.store(move |store| store.device(owner, id)).await?;
        state.live.device(&device);
    }
    Ok(())
}

/// Tells those who follow a device of deployments that were made or have changed, in this order.
pub(super) async fn tell_deployments(
    state: &ApiState,
    owner: OwnerId,
    device: DeviceId,
    ids: Vec<DeploymentId>,
) -> Result<(), Problem> {
    if !ids.is_empty() && state.live.is_followed(owner, device) {
        let deployments = state.store(move |store| {
            ids.into_iter().map(|id| store.deployment(owner, id)).collect::<Result<Vec<_>, _>>()
        });
        for deployment in deployments.await? {
            state.live.deployment(owner, &deployment);
        }
    }
    Ok(())
}
