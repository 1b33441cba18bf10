//! `/api/devices`: devices as their owner sees them, and what they ask themselves.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use model_format::id::Digest;
use model_format::protocol::{
    BrokerAccess, CLOCK_SKEW_MS_MAX, DEVICE_HEADER, Deployed, DeploymentReport, DesiredModel,
    DesiredState, Enrolment, EnrolmentRequest, Heartbeat, MODELS_MAX, ModelReport,
    PROTOCOL_VERSION, SIGNATURE_HEADER, StreamReport, TIME_HEADER, TOPIC_PREFIX,
    check_device_version, message,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::artifact::{artifact_bytes, send_artifact};
use super::events::{tell_deployments, tell_device};
use super::extract::{Json, Path, Query, Raw};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{
    BAD_SIGNATURE, BAD_TOKEN, CLOCK_SKEW, INVALID, MALFORMED, NOT_FOUND, Problem,
};
use super::state::ApiState;
use crate::clock::now_ms;
use crate::store::{Device, DeviceId, Heard, NewDevice};

/// Longest architecture or version that a device may name.
const WORD_BYTES_MAX: usize = 100;

/// Most streams in a heartbeat.
const STREAMS_MAX: usize = 100;

/// Length of the mark by which a device and its trainer see whether the broker is still the same.
const REVISION_CHARS: usize = 16;

/// Longest name of a stream, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// Longest error or mismatch, in bytes.
const ERROR_BYTES_MAX: usize = 4000;

/// Longest proof, in bytes.
const PROOF_BYTES_MAX: usize = 256 << 10;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(enrol))
        .routes(routes!(heartbeat))
        .routes(routes!(artifact))
}

/// Your devices, by name, each with what it last said.
#[utoipa::path(get, path = "/api/devices", tag = "devices", params(PageQuery),
    responses((status = 200, description = "A page of devices", body = Paged<Device>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<Device>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.devices(caller.owner(), &page)).await?.into()))
}

/// A device with what it last said.
#[utoipa::path(get, path = "/api/devices/{id}", tag = "devices",
    params(("id" = DeviceId, Path, description = "The device")),
    responses((status = 200, description = "The device", body = Device)))]
async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<Json<Device>, Problem> {
    Ok(Json(state.store(move |store| store.device(caller.owner(), id)).await?))
}

/// Delete a device with its deployments: its requests are refused from now on.
#[utoipa::path(delete, path = "/api/devices/{id}", tag = "devices",
    params(("id" = DeviceId, Path, description = "The device")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.delete_device(caller.owner(), id)).await?;
    state.live.forget(id, None);
    if let Some(accounts) = &state.accounts {
        accounts.look();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A device shows a token and its public key, and becomes known. Asking again with the same key
/// gives the same device, and uses the token once.
#[utoipa::path(post, path = "/api/devices/enrol", tag = "device protocol",
    request_body = EnrolmentRequest,
    responses((status = 201, description = "Known", body = Enrolment)))]
async fn enrol(
    State(state): State<ApiState>,
    Json(request): Json<EnrolmentRequest>,
) -> Result<(StatusCode, Json<Enrolment>), Problem> {
    check_device_version(request.protocol_version).map_err(|text| Problem::new(INVALID, text))?;
    if VerifyingKey::from_bytes(request.public_key.bytes()).is_err() {
        return Err(Problem::new(INVALID, "public_key is no Ed25519 key"));
    }
    if request.arch.len() > WORD_BYTES_MAX || request.version.len() > WORD_BYTES_MAX {
        return Err(Problem::new(INVALID, "arch and version are a few letters each"));
    }
    let new = NewDevice {
        token: Digest::of(request.token.as_bytes()),
        name: request.name,
        public_key: request.public_key,
        arch: request.arch,
        version: request.version,
    };
    let enrolled = state.store(move |store| store.enrol_device(&new)).await?;
    let device = enrolled.map_err(|refusal| Problem::new(BAD_TOKEN, refusal.to_string()))?;
    tracing::info!(device.id = %device.id, device.name = device.name, "a device enrolled");
    if let Some(accounts) = &state.accounts {
        accounts.settle().await;
    }
    tell_device(&state, device.owner, device.id).await?;
    let enrolment = Enrolment {
        device_id: device.id.to_string(),
        name: device.name.clone(),
        heartbeat_s: state.heartbeat_s,
        time_ms: now_ms(),
        broker: broker_access(&state, &device),
    };
    Ok((StatusCode::CREATED, Json(enrolment)))
}

fn broker_access(state: &ApiState, device: &Device) -> Option<BrokerAccess> {
    let broker = state.broker.as_ref()?;
    let user = device.id.to_string();
    let (user, password) = match (&broker.secret, &broker.shared) {
        (Some(secret), _) => {
            let password = secret.password_for(&user);
            (user, password)
        }
        (None, Some(shared)) => shared.clone(),
        (None, None) => (String::new(), String::new()),
    };
    let access = BrokerAccess {
        host: broker.host.clone(),
        port: broker.port,
        tls: broker.tls.clone(),
        user,
        password,
        topic_prefix: TOPIC_PREFIX.to_owned(),
        revision: None,
    };
    // Whatever of it changes, devices are told at their next heartbeat.
    let text = serde_json::to_vec(&access).expect("plain data has a JSON form");
    let revision = Digest::of(&text).to_string()[..REVISION_CHARS].to_owned();
    Some(BrokerAccess { revision: Some(revision), ..access })
}

/// The broker, for a device that knows another one, or another login there, and can be told.
fn news_of_broker(
    state: &ApiState,
    device: &Device,
    heartbeat: &Heartbeat,
) -> Option<BrokerAccess> {
    let known = heartbeat.broker_revision.as_ref()?;
    broker_access(state, device).filter(|access| access.revision.as_ref() != Some(known))
}

/// A device tells how it is, and learns what it shall serve. Signed; the time of each request must
/// be later than that of the one before.
#[utoipa::path(post, path = "/api/devices/{id}/heartbeat", tag = "device protocol",
    params(("id" = DeviceId, Path, description = "The device")), request_body = Heartbeat,
    responses((status = 200, description = "What it shall do", body = DesiredState)))]
async fn heartbeat(
    State(state): State<ApiState>,
    Path(id): Path<DeviceId>,
    uri: Uri,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<DesiredState>, Problem> {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let (device, request_ms) = signed(&state, id, "POST", path, &headers, &body).await?;
    let heartbeat: Heartbeat = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(MALFORMED, format!("the heartbeat cannot be read: {error}"))
    })?;
    check_device_version(heartbeat.protocol_version).map_err(|text| Problem::new(INVALID, text))?;
    check_heartbeat(&heartbeat)?;
    let broker = news_of_broker(&state, &device, &heartbeat);
    let heard = state.store(move |store| store.note_heartbeat(id, request_ms, &heartbeat)).await?;
    let Heard::Noted { desired, changed } = heard else {
        let detail =
            "a later request of this device was accepted already: ask again, with a later time";
        return Err(Problem::new(CLOCK_SKEW, detail).with("time_ms", now_ms()));
    };
    tell_device(&state, device.owner, id).await?;
    tell_deployments(&state, device.owner, id, changed).await?;
    let mut models = Vec::with_capacity(desired.len());
    for deployment in desired {
        models.push(DesiredModel {
            artifact_bytes: artifact_bytes(&state, deployment.artifact_sha256).await?,
            deployment_id: deployment.id.to_string(),
            model: deployment.model,
            version: deployment.version,
            artifact_sha256: deployment.artifact_sha256,
            limits: deployment.limits,
            signature: deployment.signature,
        });
    }
    Ok(Json(DesiredState {
        protocol_version: Some(PROTOCOL_VERSION),
        time_ms: now_ms(),
        heartbeat_s: state.heartbeat_s,
        broker,
        model: models.first().cloned(),
        models: Some(models),
    }))
}

/// Refuses what no device says: lists of devices have to stay small.
fn check_heartbeat(heartbeat: &Heartbeat) -> Result<(), Problem> {
    let text = |text: &str, bytes_max: usize| text.len() <= bytes_max;
    let stream = |stream: &StreamReport| {
        text(&stream.stream, TEXT_BYTES_MAX)
            && stream.mismatch.as_ref().is_none_or(|mismatch| text(mismatch, ERROR_BYTES_MAX))
    };
    let report = |report: &DeploymentReport| {
        report.error.as_ref().is_none_or(|error| text(error, ERROR_BYTES_MAX))
            && text(&report.deployment_id, WORD_BYTES_MAX)
            && report.proof.as_ref().is_none_or(|proof| text(&proof.to_string(), PROOF_BYTES_MAX))
    };
    let serving = |serving: &Deployed| {
        serving.deployment_id.as_ref().is_none_or(|id| text(id, WORD_BYTES_MAX))
    };
    let model = |model: &ModelReport| {
        text(&model.model, TEXT_BYTES_MAX)
            && model.serving.as_ref().is_none_or(serving)
            && model.deployment.as_ref().is_none_or(report)
    };
    let usable = text(&heartbeat.version, WORD_BYTES_MAX)
        && heartbeat.broker_revision.as_ref().is_none_or(|mark| text(mark, WORD_BYTES_MAX))
        && heartbeat.serving.as_ref().is_none_or(serving)
        && heartbeat.models.len() <= 2 * MODELS_MAX
        && heartbeat.models.iter().all(model)
        && heartbeat.streams.len() <= STREAMS_MAX
        && heartbeat.streams.iter().all(stream)
        && heartbeat.deployment.as_ref().is_none_or(report);
    if usable {
        return Ok(());
    }
    let detail = format!(
        "the heartbeat is too long: at most {STREAMS_MAX} streams, {} models, {TEXT_BYTES_MAX} bytes of \
         a name, {ERROR_BYTES_MAX} of an error and {PROOF_BYTES_MAX} of a proof are kept",
        2 * MODELS_MAX
    );
    Err(Problem::new(INVALID, detail))
}

/// An artifact that a device shall serve. Signed; ranges resume a download that broke off.
#[utoipa::path(get, path = "/api/devices/{id}/artifacts/{sha256}", tag = "device protocol",
    params(("id" = DeviceId, Path, description = "The device"),
           ("sha256" = Digest, Path, description = "Digest of the artifact")),
    responses((status = 200, description = "The file", body = Vec<u8>,
               content_type = "application/octet-stream"),
              (status = 206, description = "A part of the file", body = Vec<u8>,
               content_type = "application/octet-stream"),
              (status = 304, description = "The file that is there already")))]
async fn artifact(
    State(state): State<ApiState>,
    Path((id, sha256)): Path<(DeviceId, Digest)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    signed(&state, id, "GET", path, &headers, b"").await?;
    if !state.store(move |store| store.is_deployed(id, sha256)).await? {
        let detail = "this artifact is not what the device shall serve: send a heartbeat first";
        return Err(Problem::new(NOT_FOUND, detail));
    }
    send_artifact(&state, sha256, &headers, None).await
}

/// The device, and the time of a request that it has signed.
async fn signed(
    state: &ApiState,
    id: DeviceId,
    method: &str,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Device, i64), Problem> {
    let refused = |detail: &str| Problem::new(BAD_SIGNATURE, detail);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text(DEVICE_HEADER) != Some(&id.to_string()) {
        return Err(refused("the header cirame-device does not name the device of the path"));
    }
    let time_ms = text(TIME_HEADER).and_then(|text| text.parse::<i64>().ok());
    let time_ms = time_ms.ok_or_else(|| refused("the header cirame-time is no time"))?;
    let signature = text(SIGNATURE_HEADER).and_then(|text| STANDARD.decode(text).ok());
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or_else(|| refused("the header cirame-signature is none"))?;
    let unknown = "the device is not known here, or was deleted: enrol it again";
    let device = state.store(move |store| store.any_device(id)).await;
    let device = device.map_err(|problem| match problem.kind() {
        NOT_FOUND => refused(unknown),
        _ => problem,
    })?;
    let signed = message(method, path, body, time_ms);
    let key = VerifyingKey::from_bytes(device.public_key.bytes())
        .map_err(|error| Problem::internal(&error))?;
    if key.verify_strict(&signed, &signature).is_err() {
        return Err(refused("the signature is not that of this device's key over this request"));
    }
    let now = now_ms();
    if time_ms.abs_diff(now) > CLOCK_SKEW_MS_MAX.unsigned_abs() {
        let minutes = CLOCK_SKEW_MS_MAX / 60_000;
        let detail = format!(
            "the device's clock is {} s off, more than {minutes} minutes: set it, or use time_ms",
            time_ms.saturating_sub(now) / 1000
        );
        return Err(Problem::new(CLOCK_SKEW, detail).with("time_ms", now));
    }
    Ok((device, time_ms))
}
