//! A trainer that does what a test says: a real HTTP server on loopback that checks signatures.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use model_format::id::Digest;
use model_format::protocol::{
    BrokerAccess, CLOCK_SKEW_MS_MAX, DEVICE_HEADER, DesiredModel, DesiredState, Enrolment,
    EnrolmentRequest, Heartbeat, PROTOCOL_VERSION, SIGNATURE_HEADER, TIME_HEADER, message,
};
use serde_json::{Value, json};

use crate::link::{EnrolmentToken, TrainerAccess};

/// What goes wrong with one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection ends after so many bytes.
    CutAfter(usize),
    /// One bit is another one.
    FlippedBit,
    /// The file has a byte less than announced.
    Shorter,
    /// More bytes than announced come, without a length.
    Longer,
    /// Ranges are not for this trainer.
    NoRange,
}

/// What goes wrong with one enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EnrolFault {
    /// It is carried out and not answered.
    LostAnswer,
    /// 503.
    Busy,
    /// 403 with this detail.
    BadToken(&'static str),
    /// An identifier that leads elsewhere.
    HostileId,
}

/// All that the trainer knows and was asked.
#[derive(Default)]
pub(super) struct Script {
    pub(super) devices: HashMap<String, VerifyingKey>,
    pub(super) enrolments: Vec<EnrolmentRequest>,
    pub(super) enrol_faults: VecDeque<EnrolFault>,
    pub(super) heartbeats: Vec<Heartbeat>,
    /// Signed requests that were refused, by code.
    pub(super) refused: Vec<&'static str>,
    pub(super) desired: Vec<DesiredModel>,
    /// The version of the protocol that it speaks; that of this device otherwise.
    pub(super) speaks: Option<u32>,
    pub(super) artifacts: HashMap<Digest, Vec<u8>>,
    pub(super) faults: VecDeque<Fault>,
    /// A fault of all downloads.
    pub(super) lasting_fault: Option<Fault>,
    /// First byte of each download.
    pub(super) downloads: Vec<usize>,
    /// What its clock is ahead of this computer's.
    pub(super) clock_ahead_ms: i64,
    /// The broker that devices are told in every answer.
    pub(super) broker: Option<BrokerAccess>,
    /// Answers heartbeats with 503.
    pub(super) is_away: bool,
    newest_ms: i64,
}

pub(super) struct ScriptedTrainer {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    is_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl ScriptedTrainer {
    pub(super) fn start() -> ScriptedTrainer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let script = Arc::new(Mutex::new(Script::default()));
        let is_ended = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&script), Arc::clone(&is_ended));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let script = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A device may close its end at any time.
                    let _ = serve(&script, stream);
                });
            }
        });
        ScriptedTrainer { address, script, is_ended, thread: Some(thread) }
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(super) fn access(&self) -> TrainerAccess {
        let url = format!("http://{}", self.address).parse().expect("it is an address");
        TrainerAccess { url, token: Some(EnrolmentToken::Given("token".to_owned())) }
    }

    /// Deploys an artifact.
    pub(super) fn deploy(&self, deployment_id: &str, bytes: &[u8]) {
        let mut script = self.script();
        script.artifacts.insert(Digest::of(bytes), bytes.to_owned());
        let model = super::desired(deployment_id, bytes);
        script.desired.retain(|other| other.model != model.model);
        script.desired.push(model);
    }

    /// Deploys an artifact under a name, changed as the test likes.
    pub(super) fn deploy_as(
        &self,
        name: &str,
        deployment_id: &str,
        bytes: &[u8],
        change: impl FnOnce(&mut DesiredModel),
    ) {
        let mut model = super::desired(deployment_id, bytes);
        model.model = name.to_owned();
        change(&mut model);
        let mut script = self.script();
        script.artifacts.insert(Digest::of(bytes), bytes.to_owned());
        script.desired.retain(|other| other.model != name);
        script.desired.push(model);
    }
}

impl Drop for ScriptedTrainer {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(script: &Mutex<Script>, mut stream: TcpStream) -> io::Result<()> {
    let request = read_request(&stream)?;
    let mut script = script.lock().unwrap();
    if request.path == "/api/devices/enrol" {
        return enrol(&mut script, &request, &mut stream);
    }
    if request.path == "/api/health" {
        let speaks = script.speaks.unwrap_or(PROTOCOL_VERSION);
        return answer_json(&mut stream, 200, &json!({"status": "ok", "protocol_version": speaks}));
    }
    let parts: Vec<&str> = request.path.split('/').collect();
    let ["", "api", "devices", id, rest @ ..] = &parts[..] else {
        return problem(&mut stream, 404, "no_route", "no such address", None);
    };
    if let Err((code, detail, time_ms)) = check_signature(&mut script, id, &request) {
        script.refused.push(code);
        return problem(&mut stream, 401, code, detail, time_ms);
    }
    match (&request.method[..], rest) {
        ("POST", ["heartbeat"]) => heartbeat(&mut script, &request, &mut stream),
        ("GET", ["artifacts", sha256]) => {
            let digest: Digest = sha256.parse().map_err(io::Error::other)?;
            artifact(script, digest, &request, &mut stream)
        }
        _ => problem(&mut stream, 404, "no_route", "no such address", None),
    }
}

fn enrol(script: &mut Script, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    let fault = script.enrol_faults.pop_front();
    match fault {
        Some(EnrolFault::Busy) => return problem(stream, 503, "unavailable", "busy", None),
        Some(EnrolFault::BadToken(detail)) => {
            return problem(stream, 403, "bad_token", detail, None);
        }
        _ => {}
    }
    let said: Value = serde_json::from_slice(&request.body)?;
    if let Some(text) = not_spoken(&said, script.speaks.unwrap_or(PROTOCOL_VERSION)) {
        return problem(stream, 422, "invalid", &text, None);
    }
    let enrolment: EnrolmentRequest = serde_json::from_value(said)?;
    let key = VerifyingKey::from_bytes(enrolment.public_key.bytes()).map_err(io::Error::other)?;
    let known = script.devices.iter().find(|(_, known)| **known == key).map(|(id, _)| id.clone());
    let id = known.unwrap_or_else(|| format!("device-{}", script.devices.len()));
    script.devices.insert(id.clone(), key);
    script.enrolments.push(enrolment.clone());
    if fault == Some(EnrolFault::LostAnswer) {
        return Ok(());
    }
    let is_hostile = fault == Some(EnrolFault::HostileId);
    let answer = Enrolment {
        device_id: if is_hostile { "../../etc".to_owned() } else { id },
        name: enrolment.name,
        heartbeat_s: 1,
        time_ms: now_ms(script),
        broker: Some(BrokerAccess {
            host: None,
            port: 1883,
            user: "device".to_owned(),
            password: "secret".to_owned(),
            topic_prefix: "cirame".to_owned(),
            tls: None,
            revision: Some("1".to_owned()),
        }),
    };
    answer_json(stream, 201, &serde_json::to_value(answer)?)
}

type Refusal = (&'static str, &'static str, Option<i64>);

fn check_signature(script: &mut Script, id: &str, request: &Request) -> Result<(), Refusal> {
    let bad = |detail| ("bad_signature", detail, None);
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let key = script.devices.get(id).copied().ok_or_else(|| bad("the device is not known here"))?;
    let time_ms: i64 = header(TIME_HEADER).parse().map_err(|_| bad("no time"))?;
    let signature = STANDARD.decode(header(SIGNATURE_HEADER)).map_err(|_| bad("no signature"))?;
    let signature = Signature::from_slice(&signature).map_err(|_| bad("no signature"))?;
    let signed = message(&request.method, &request.path, &request.body, time_ms);
    if header(DEVICE_HEADER) != id || key.verify_strict(&signed, &signature).is_err() {
        return Err(bad("not that device's signature"));
    }
    let now = now_ms(script);
    if (time_ms - now).abs() > CLOCK_SKEW_MS_MAX {
        return Err(("clock_skew", "the clock is off", Some(now)));
    }
    if request.method == "POST" {
        if time_ms <= script.newest_ms {
            return Err(("clock_skew", "a later request was accepted", Some(now)));
        }
        script.newest_ms = time_ms;
    }
    Ok(())
}

fn heartbeat(script: &mut Script, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    if script.is_away {
        return problem(stream, 503, "unavailable", "ending", None);
    }
    let speaks = script.speaks.unwrap_or(PROTOCOL_VERSION);
    let said: Value = serde_json::from_slice(&request.body)?;
    if speaks == 1 && said.get("models").is_some() {
        // As a trainer of version 1 refuses names that it does not know.
        return problem(stream, 400, "malformed", "unknown field `models`", None);
    }
    if let Some(text) = not_spoken(&said, speaks) {
        return problem(stream, 422, "invalid", &text, None);
    }
    script.heartbeats.push(serde_json::from_value(said)?);
    let is_of_one = speaks == 1;
    let answer = DesiredState {
        protocol_version: (!is_of_one).then_some(speaks),
        time_ms: now_ms(script),
        heartbeat_s: 1,
        broker: script.broker.clone(),
        model: script.desired.last().cloned(),
        models: (!is_of_one).then(|| script.desired.clone()),
    };
    answer_json(stream, 200, &serde_json::to_value(answer)?)
}

/// Why a trainer of this version does not answer.
fn not_spoken(said: &Value, speaks: u32) -> Option<String> {
    let device = said["protocol_version"].as_u64().unwrap_or_default() as u32;
    let is_spoken = (speaks.saturating_sub(1)..=speaks).contains(&device);
    (!is_spoken).then(|| format!("the device speaks {device}, the trainer {speaks}"))
}

fn artifact(
    mut script: MutexGuard<'_, Script>,
    digest: Digest,
    request: &Request,
    stream: &mut TcpStream,
) -> io::Result<()> {
    let Some(mut bytes) = script.artifacts.get(&digest).cloned() else {
        return problem(stream, 404, "not_found", "no such artifact", None);
    };
    let fault = script.faults.pop_front().or(script.lasting_fault);
    let tag = format!("\"{digest}\"");
    let is_same = request.headers.get("if-range").is_none_or(|known| *known == tag);
    let range = request.headers.get("range").filter(|_| is_same && fault != Some(Fault::NoRange));
    let from =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = from.unwrap_or(0);
    script.downloads.push(from);
    drop(script);
    let size = bytes.len();
    match fault {
        Some(Fault::FlippedBit) => bytes[size - 1] ^= 1,
        Some(Fault::Shorter) => bytes.truncate(size - 1),
        Some(Fault::Longer) => bytes.push(0),
        _ => {}
    }
    let body = &bytes[from..];
    let mut head = match range {
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
        Some(_) => {
            format!("HTTP/1.1 206 Partial\r\ncontent-range: bytes {from}-{}/{size}\r\n", size - 1)
        }
    };
    head += &format!("etag: {tag}\r\nconnection: close\r\n");
    if fault != Some(Fault::Longer) {
        head += &format!("content-length: {}\r\n", body.len());
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    let sent = match fault {
        Some(Fault::CutAfter(bytes)) => bytes.min(body.len()),
        _ => body.len(),
    };
    stream.write_all(&body[..sent])
}

fn now_ms(script: &Script) -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since_1970.as_millis() as i64 + script.clock_ahead_ms
}

fn read_request(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path, headers, body })
}

fn problem(
    stream: &mut TcpStream,
    status: u16,
    code: &str,
    detail: &str,
    time_ms: Option<i64>,
) -> io::Result<()> {
    let mut body = json!({"status": status, "code": code, "title": code, "detail": detail});
    if let Some(time_ms) = time_ms {
        body["time_ms"] = time_ms.into();
    }
    answer_json(stream, status, &body)
}

fn answer_json(stream: &mut TcpStream, status: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes())
}
