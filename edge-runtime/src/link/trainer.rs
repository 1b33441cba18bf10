//! The trainer as the device sees it: signed requests, within bounds of time and size.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model_format::id::Digest;
use model_format::protocol::{
    DEVICE_HEADER, DesiredState, Enrolment, EnrolmentRequest, Heartbeat, PublicKey,
    SIGNATURE_HEADER, TIME_HEADER,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, header};
use ureq::{Agent, Body};

use super::clock::RequestClock;
use super::identity::Identity;
use super::trainer_url::TrainerUrl;

/// Largest answer that is read, artifacts apart.
const ANSWER_BYTES_MAX: u64 = 256 << 10;

/// Time for a whole request, artifacts apart.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);
/// Time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Time in which a download must bring at least something.
const READ_TIME_MAX: Duration = Duration::from_secs(30);
/// Time for one request of a download; what came by then is kept, and the rest asked for anew.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(3600);

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// No answer.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The trainer.
        url: TrainerUrl,
        /// What the connection says.
        reason: String,
    },
    /// A refusal.
    #[error("{url} answers {status} ({code}): {detail}")]
    Refused {
        /// The trainer.
        url: TrainerUrl,
        /// The HTTP status.
        status: u16,
        /// The code of the problem; empty where another program answers.
        code: String,
        /// What it says.
        detail: String,
        /// The trainer's clock, where the refusal is for the time.
        time_ms: Option<i64>,
    },
    /// An answer that is none of this protocol.
    #[error("{url} gives an answer that cannot be read: {reason}; is a CiRA ME trainer there?")]
    Answer {
        /// The trainer.
        url: TrainerUrl,
        /// What is wrong with it.
        reason: String,
    },
}

impl RequestError {
    /// True where the trainer does not know this device, or not by this key.
    pub(super) fn is_unknown_device(&self) -> bool {
        matches!(self, RequestError::Refused { code, .. } if code == "bad_signature")
    }

    /// True where the trainer may speak another version of the protocol.
    pub(super) fn is_not_understood(&self) -> bool {
        matches!(self, RequestError::Refused { code, .. } if code == "malformed" || code == "invalid")
    }

    /// True where the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            RequestError::Unreachable { .. } => true,
            RequestError::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            RequestError::Answer { .. } => false,
        }
    }
}

/// The client of one trainer.
pub(super) struct Trainer {
    agent: Agent,
    url: TrainerUrl,
}

impl Trainer {
    pub(super) fn new(url: TrainerUrl) -> Trainer {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A signature is for one path at one host.
            .max_redirects(0)
            .max_response_header_size(16 << 10)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .user_agent(concat!("cirame-edge/", env!("CARGO_PKG_VERSION")))
            .build();
        Trainer { agent: config.new_agent(), url }
    }

    /// The version of the protocol that the trainer speaks.
    pub(super) fn protocol_version(&self) -> Result<u32, RequestError> {
        #[derive(Deserialize)]
        struct Health {
            protocol_version: u32,
        }
        let http = Request::get(self.url.join("/api/health")).body(());
        let http = http.map_err(|error| self.unread(&error))?;
        let health: Health = self.json(self.checked(self.agent.run(http))?)?;
        Ok(health.protocol_version)
    }

    /// Makes the device known.
    pub(super) fn enrol(&self, request: &EnrolmentRequest) -> Result<Enrolment, RequestError> {
        let body = serde_json::to_vec(request).map_err(|error| self.unread(&error))?;
        let http = Request::post(self.url.join("/api/devices/enrol"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| self.unread(&error))?;
        self.json(self.checked(self.agent.run(http))?)
    }

    fn checked(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, RequestError> {
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer)) }
    }

    /// What a refusal says: an RFC 9457 problem, or the answer of something else.
    fn refusal(&self, mut answer: Response<Body>) -> RequestError {
        #[derive(Default, Deserialize)]
        struct Problem {
            #[serde(default)]
            code: String,
            #[serde(default)]
            detail: String,
            #[serde(default)]
            time_ms: Option<i64>,
        }
        let status = answer.status();
        let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        let moved = location.map(|to| format!("it has moved to {to:.200}: give that address"));
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let problem: Option<Problem> =
            body.ok().and_then(|body| serde_json::from_slice(&body).ok());
        let problem = problem.unwrap_or_default();
        let detail = moved.unwrap_or(if problem.detail.is_empty() {
            status.canonical_reason().unwrap_or("no reason given").to_owned()
        } else {
            problem.detail.chars().take(1000).collect()
        });
        RequestError::Refused {
            url: self.url.clone(),
            status: status.as_u16(),
            code: problem.code.chars().take(100).collect(),
            detail,
            time_ms: problem.time_ms,
        }
    }

    fn json<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, RequestError> {
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => self.unread(&error),
            error => self.unreachable(&error),
        })?;
        serde_json::from_slice(&body).map_err(|error| self.unread(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> RequestError {
        RequestError::Unreachable { url: self.url.clone(), reason: error.to_string() }
    }

    fn unread(&self, error: &dyn std::fmt::Display) -> RequestError {
        let reason = error.to_string().chars().take(200).collect();
        RequestError::Answer { url: self.url.clone(), reason }
    }
}

/// What a device says when it enrols.
pub(super) fn enrolment_request(
    token: String,
    name: &str,
    public_key: PublicKey,
    speaks: u32,
) -> EnrolmentRequest {
    EnrolmentRequest {
        token,
        name: name.to_owned(),
        public_key,
        protocol_version: speaks,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
    }
}

/// The trainer that this device is enrolled with. Requests of several threads go one after the
/// other where their times matter.
pub(super) struct EnrolledTrainer {
    trainer: Trainer,
    identity: Identity,
    device_id: String,
    clock: Mutex<RequestClock>,
    /// The device's clock at the start; from there on it is counted, so that setting the clock
    /// does not matter.
    start: (Instant, i64),
}

impl EnrolledTrainer {
    pub(super) fn new(url: TrainerUrl, identity: Identity, device_id: String) -> EnrolledTrainer {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        EnrolledTrainer {
            trainer: Trainer::new(url),
            identity,
            device_id,
            clock: Mutex::default(),
            start: (Instant::now(), since_1970.as_millis() as i64),
        }
    }

    /// The version of the protocol that the trainer speaks.
    pub(super) fn protocol_version(&self) -> Result<u32, RequestError> {
        self.trainer.protocol_version()
    }

    /// Makes this device known again, by the same key.
    pub(super) fn enrol_again(
        &self,
        token: String,
        name: &str,
        speaks: u32,
    ) -> Result<Enrolment, RequestError> {
        let public_key = self.identity.public_key();
        self.trainer.enrol(&enrolment_request(token, name, public_key, speaks))
    }

    /// Tells how the device is; the answer says what it shall do.
    pub(super) fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<DesiredState, RequestError> {
        let body = serde_json::to_vec(heartbeat).map_err(|error| self.trainer.unread(&error))?;
        let path = format!("/api/devices/{}/heartbeat", self.device_id);
        let answer = self.signed("POST", &path, &body, &[])?;
        let desired: DesiredState = self.trainer.json(answer)?;
        self.clock().learn(self.local_ms(), desired.time_ms);
        Ok(desired)
    }

    /// The bytes of an artifact, from the byte `from` on where the trainer still has the same.
    pub(super) fn artifact(
        &self,
        artifact: Digest,
        from: u64,
    ) -> Result<Response<Body>, RequestError> {
        let path = format!("/api/devices/{}/artifacts/{artifact}", self.device_id);
        let range = [
            (header::RANGE, format!("bytes={from}-")),
            (header::IF_RANGE, format!("\"{artifact}\"")),
        ];
        self.signed("GET", &path, b"", if from == 0 { &[] } else { &range })
    }

    /// Sends a signed request; one that is refused for its time is sent again by the trainer's.
    fn signed(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response<Body>, RequestError> {
        match self.send(method, path, body, headers) {
            Err(RequestError::Refused { code, time_ms: Some(time_ms), .. })
                if code == "clock_skew" =>
            {
                self.clock().refused(self.local_ms(), time_ms);
                self.send(method, path, body, headers)
            }
            answer => answer,
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response<Body>, RequestError> {
        let time_ms = self.clock().next_ms(self.local_ms());
        let mut request = Request::builder()
            .method(method)
            .uri(self.trainer.url.join(path))
            .header(DEVICE_HEADER, &self.device_id)
            .header(TIME_HEADER, time_ms)
            .header(SIGNATURE_HEADER, self.identity.sign(method, path, body, time_ms));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let unread = |error| self.trainer.unread(&error);
        let agent = &self.trainer.agent;
        let answer = if method == "GET" {
            let request = request.body(()).map_err(unread)?;
            let request = agent
                .configure_request(request)
                .timeout_global(Some(DOWNLOAD_TIME_MAX))
                .timeout_recv_response(Some(REQUEST_TIME_MAX))
                .timeout_per_read(Some(READ_TIME_MAX))
                .build();
            agent.run(request)
        } else {
            let request = request.header(header::CONTENT_TYPE, "application/json");
            agent.run(request.body(body).map_err(unread)?)
        };
        self.trainer.checked(answer)
    }

    fn clock(&self) -> std::sync::MutexGuard<'_, RequestClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn local_ms(&self) -> i64 {
        let (start, start_ms) = self.start;
        start_ms.saturating_add(start.elapsed().as_millis() as i64)
    }
}
