//! Enrolment: once, with a token; from then on the device starts with no trainer in sight.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use model_format::protocol::{
    AUTHORITIES_BYTES_MAX, BrokerAccess, Enrolment, EnrolmentRequest, PROTOCOL_VERSION,
    check_topic_level, version_to_speak,
};
use serde::{Deserialize, Serialize};

use super::enrolment_token::EnrolmentToken;
use super::identity::Identity;
use super::state_folder::StateFolder;
use super::stop::Stop;
use super::trainer::{RequestError, Trainer, enrolment_request};
use super::trainer_url::TrainerUrl;
use crate::backoff::{Backoff, random};

const FILE: &str = "device.json";
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Longest text of an enrolment, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// First and longest wait before the trainer is asked again.
const RETRY_MS: (u64, u64) = (1000, 60_000);

/// Where the trainer is, as the command line says it.
#[derive(Clone)]
pub(crate) struct TrainerAccess {
    /// Its address.
    pub(crate) url: TrainerUrl,
    /// The enrolment token; needed once.
    pub(crate) token: Option<EnrolmentToken>,
}

/// A device that its trainer knows.
pub(crate) struct Enrolled {
    /// What the trainer said.
    pub(crate) device: EnrolledDevice,
    /// The key that requests are signed with.
    pub(super) identity: Identity,
}

/// What the trainer said when the device enrolled; kept in `device.json`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolledDevice {
    /// The trainer.
    pub(crate) trainer: TrainerUrl,
    /// The device's identifier.
    pub(crate) device_id: String,
    /// The device's name.
    pub(crate) name: String,
    /// Time between two heartbeats, in seconds.
    pub(crate) heartbeat_s: u32,
    /// The broker to use, where the trainer knows one; its host is always filled in.
    pub(crate) broker: Option<BrokerAccess>,
}

/// What there is before enrolment is asked for.
enum Known {
    /// The device is enrolled, with this trainer.
    Enrolled(Box<EnrolledDevice>),
    /// The device is to be enrolled with this trainer.
    New(TrainerUrl, EnrolmentToken),
    /// There is no trainer.
    Alone,
}

/// The device as its state folder knows it; enrols it where it is new, or where another trainer and
/// a token are given. Asks an unreachable trainer again until it answers or `stop` says otherwise.
/// `None` where there is no trainer, or the end came first.
///
/// # Errors
/// The trainer refuses, or the state folder cannot be read or written.
pub(crate) fn enrol_or_load(
    folder: &StateFolder,
    access: Option<&TrainerAccess>,
    name: &str,
    stop: &Stop,
) -> anyhow::Result<Option<Enrolled>> {
    match known(folder, access)? {
        Known::Alone => Ok(None),
        Known::Enrolled(device) => {
            let identity = Identity::load_or_make(folder)?;
            Ok(Some(Enrolled { device: *device, identity }))
        }
        Known::New(url, token) => {
            let Some(token) = token.text(stop)? else { return Ok(None) };
            // On the disk before the trainer hears of it: where its answer is lost, the same key
            // asks again and is the same device.
            let identity = Identity::load_or_make(folder)?;
            let key = identity.public_key();
            let mut request = enrolment_request(token, name, key, PROTOCOL_VERSION);
            let Some(enrolment) = ask(&url, &mut request, stop)? else { return Ok(None) };
            let device = checked(enrolment, url)?;
            note(folder, &device)?;
            tracing::info!(
                device.id = device.device_id, device.name = device.name,
                trainer = %device.trainer, "the device is enrolled"
            );
            Ok(Some(Enrolled { device, identity }))
        }
    }
}

/// Keeps what the trainer has said.
///
/// # Errors
/// The state folder cannot be written.
pub(super) fn note(folder: &StateFolder, device: &EnrolledDevice) -> anyhow::Result<()> {
    let bytes = serde_json::to_vec_pretty(device)?;
    folder
        .write(FILE, &bytes)
        .with_context(|| format!("{FILE} cannot be written in {}", folder.path().display()))
}

fn known(folder: &StateFolder, access: Option<&TrainerAccess>) -> anyhow::Result<Known> {
    let stored = folder.read(FILE, FILE_BYTES_MAX)?;
    let stored: Option<EnrolledDevice> = match stored {
        None => None,
        Some(bytes) => Some(serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{} is damaged: remove it and start with --trainer and --token; the key is kept, \
                 so the device stays the same",
                folder.path().join(FILE).display()
            )
        })?),
    };
    match (stored, access) {
        (None, None) => Ok(Known::Alone),
        (Some(device), None) => Ok(Known::Enrolled(Box::new(device))),
        (Some(device), Some(access)) if device.trainer == access.url => {
            Ok(Known::Enrolled(Box::new(device)))
        }
        (stored, Some(TrainerAccess { url, token: Some(token) })) => {
            if let Some(device) = stored {
                tracing::info!(from = %device.trainer, to = %url, "the device changes its trainer");
            }
            Ok(Known::New(url.clone(), token.clone()))
        }
        (Some(device), Some(access)) => bail!(
            "the device is enrolled with {}, but --trainer says {}: leave --trainer away, or give \
             --token as well to enrol it there",
            device.trainer,
            access.url
        ),
        (None, Some(access)) => bail!(
            "the device is not enrolled with {} yet: give --token with an enrolment token, which \
             the console makes under Devices",
            access.url
        ),
    }
}

/// Asks until there is an answer; `None` where the end came first.
fn ask(
    url: &TrainerUrl,
    request: &mut EnrolmentRequest,
    stop: &Stop,
) -> anyhow::Result<Option<Enrolment>> {
    let trainer = Trainer::new(url.clone());
    let mut backoff = Backoff::new(RETRY_MS.0, RETRY_MS.1);
    while !stop.is_stopped() {
        let error = match trainer.enrol(request) {
            Ok(enrolment) => return Ok(Some(enrolment)),
            Err(error) => error,
        };
        if let RequestError::Refused { code, detail, .. } = &error
            && code == "bad_token"
        {
            bail!(
                "{url} refuses the enrolment token: {detail}; make a new one in the console under \
                 Devices, and start again with it as --token"
            );
        }
        if error.is_not_understood()
            && let Ok(found) = trainer.protocol_version()
        {
            let version = version_to_speak(found).map_err(|advice| anyhow!(advice))?;
            if version != request.protocol_version {
                request.protocol_version = version;
                continue;
            }
        }
        if !error.may_pass() {
            return Err(error).context("the device cannot be enrolled");
        }
        let wait_ms = backoff.after_failure_ms(random());
        tracing::warn!(
            %error, wait_ms,
            "the device is not enrolled yet and asks again; is the trainer running, listening \
             beyond its own machine, and --trainer its address?"
        );
        if stop.wait(Duration::from_millis(wait_ms)) {
            break;
        }
    }
    Ok(None)
}

/// Nothing from outside goes into paths, topics and headers unchecked.
///
/// # Errors
/// Something in it cannot be used.
pub(super) fn checked(enrolment: Enrolment, url: TrainerUrl) -> anyhow::Result<EnrolledDevice> {
    let id = &enrolment.device_id;
    let is_id = !id.is_empty()
        && id.len() <= 100
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ensure!(is_id, "{url} gives the device an identifier that is none: {id:.100?}");
    let name = &enrolment.name;
    ensure!(check_topic_level(name), "{url} gives the device a name that is none: {name:.100?}");
    let broker = enrolment.broker.map(|broker| checked_broker(broker, &url)).transpose()?;
    Ok(EnrolledDevice {
        trainer: url,
        device_id: enrolment.device_id,
        name: enrolment.name,
        heartbeat_s: enrolment.heartbeat_s,
        broker,
    })
}

/// A broker whose host is filled in, and in which nothing is that would not do in a topic or a login.
///
/// # Errors
/// Something in it cannot be used.
pub(super) fn checked_broker(
    broker: BrokerAccess,
    url: &TrainerUrl,
) -> anyhow::Result<BrokerAccess> {
    let host = broker.host.unwrap_or_else(|| url.host().to_owned());
    let prefix = &broker.topic_prefix;
    ensure!(
        prefix.split('/').all(check_topic_level),
        "{url} names a topic prefix that is none: {prefix:.100?}"
    );
    let revision = broker.revision.as_deref().unwrap_or_default();
    let is_text = |text: &str| text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control);
    let authorities = broker.tls.as_ref().and_then(|tls| tls.authorities.as_ref());
    let is_usable = [&host, &broker.user, &broker.password, revision].into_iter().all(is_text)
        && authorities.is_none_or(|pem| pem.len() <= AUTHORITIES_BYTES_MAX);
    ensure!(is_usable, "{url} describes a broker that cannot be used");
    Ok(BrokerAccess { host: Some(host), ..broker })
}
