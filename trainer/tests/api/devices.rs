//! What devices ask: enrolment, heartbeats, artifacts; and everything that is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use model_format::protocol::{
    CLOCK_SKEW_MS_MAX, DEVICE_HEADER, PROTOCOL_VERSION, SIGNATURE_HEADER, TIME_HEADER, message,
};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::service::{Place, wait_until_empty};

/// A device with its key.
pub(crate) struct TestDevice {
    key: SigningKey,
}

impl TestDevice {
    pub(crate) fn new(number: u8) -> Self {
        TestDevice { key: SigningKey::from_bytes(&[number; 32]) }
    }

    fn enrolment(&self, token: &str) -> Value {
        json!({
            "token": token,
            "name": "edge",
            "public_key": STANDARD.encode(self.key.verifying_key().as_bytes()),
            "protocol_version": PROTOCOL_VERSION,
            "version": "0.1.0",
            "arch": "x86_64",
        })
    }

    pub(crate) fn enrol(&self, client: &Client, token: &str) -> Answer {
        client.post("/api/devices/enrol", &self.enrolment(token))
    }

    /// The device with its identifier, enrolled by a fresh token of `owner`.
    pub(crate) fn enrolled(self, owner: &Client) -> Enrolled {
        let token = owner.post("/api/enrolment-tokens", &json!({ "name": "t" })).expect(201);
        let secret = token.json()["secret"].as_str().unwrap().to_owned();
        let answer = self.enrol(&owner.anonymous(), &secret).expect(201).json();
        Enrolled { device: self, id: answer["device_id"].as_str().unwrap().to_owned() }
    }
}

/// A device that the trainer knows.
pub(crate) struct Enrolled {
    device: TestDevice,
    pub(crate) id: String,
}

/// A request that a device has signed.
#[derive(Clone)]
pub(crate) struct Signed {
    method: &'static str,
    pub(crate) path: String,
    pub(crate) device: String,
    pub(crate) time: String,
    pub(crate) signature: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl Enrolled {
    pub(crate) fn sign(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Vec<u8>>,
        time_ms: i64,
    ) -> Signed {
        let message = message(method, path, body.as_deref().unwrap_or_default(), time_ms);
        Signed {
            method,
            path: path.to_owned(),
            device: self.id.clone(),
            time: time_ms.to_string(),
            signature: STANDARD.encode(self.device.key.sign(&message).to_bytes()),
            body,
        }
    }

    /// A heartbeat that tells of several models.
    pub(crate) fn heartbeat_of(&self, client: &Client, models: Value) -> Answer {
        let mut heartbeat = heartbeat(Value::Null);
        heartbeat["models"] = models;
        self.tell(&heartbeat).send(client)
    }

    /// Any heartbeat, now.
    pub(crate) fn tell(&self, heartbeat: &Value) -> Signed {
        let path = format!("/api/devices/{}/heartbeat", self.id);
        self.sign("POST", &path, Some(heartbeat.to_string().into_bytes()), now_ms())
    }

    pub(crate) fn heartbeat_at(&self, time_ms: i64, report: Value) -> Signed {
        let path = format!("/api/devices/{}/heartbeat", self.id);
        let body = heartbeat(report).to_string().into_bytes();
        self.sign("POST", &path, Some(body), time_ms)
    }
    /// A heartbeat, now.
    pub(crate) fn heartbeat(&self, client: &Client, report: Value) -> Answer {
        self.heartbeat_at(now_ms(), report).send(client)
    }

    pub(crate) fn artifact(&self, client: &Client, sha256: &str) -> Answer {
        let path = format!("/api/devices/{}/artifacts/{sha256}", self.id);
        self.sign("GET", &path, None, now_ms()).send(client)
    }
}

impl Signed {
    pub(crate) fn send(&self, client: &Client) -> Answer {
        self.try_send(client).expect("the service answers")
    }

    pub(crate) fn try_send(&self, client: &Client) -> Result<Answer, ureq::Error> {
        let headers = [
            ("content-type", "application/json"),
            (DEVICE_HEADER, &*self.device),
            (TIME_HEADER, &*self.time),
            (SIGNATURE_HEADER, &*self.signature),
        ];
        client.anonymous().try_send(self.method, &self.path, &headers, self.body.clone())
    }
}

/// What a device says; `report` is of the deployment of the protocol version before.
fn heartbeat(report: Value) -> Value {
    json!({
        "protocol_version": PROTOCOL_VERSION,
        "version": "0.1.0",
        "uptime_s": 1,
        "memory_bytes": 1,
        "deployment": report,
        "broker_connected": false,
        "windows": 0,
        "dropped_samples": 0,
        "dropped_results": 0,
    })
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn token(client: &Client, options: Value) -> (String, String) {
    let made = client.post("/api/enrolment-tokens", &options).expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

#[test]
fn a_token_lets_in_as_many_devices_as_it_says_until_it_ends() {
    let place = Place::new();
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    let (_, secret) = token(&admin, json!({ "name": "two", "uses": 2, "device_group": "hall" }));
    let first = TestDevice::new(1).enrol(&anybody, &secret).expect(201).json();
    assert_eq!((&first["name"], first["broker"].is_null()), (&json!("edge"), true));
    // Asking again gives the same device and uses nothing up.
    let again = TestDevice::new(1).enrol(&anybody, &secret).expect(201).json();
    assert_eq!(again["device_id"], first["device_id"]);
    let second = TestDevice::new(2).enrol(&anybody, &secret).expect(201).json();
    assert_eq!(second["name"], "edge-2");
    let used_up = TestDevice::new(3).enrol(&anybody, &secret).problem(403, "bad_token");
    assert!(used_up["detail"].as_str().unwrap().contains("used up"), "{used_up}");
    let again = TestDevice::new(1).enrol(&anybody, &secret).expect(201).json();
    assert_eq!(again["device_id"], first["device_id"], "also when it is used up");
    let devices = admin.list("/api/devices");
    assert_eq!((devices.len(), &devices[0]["device_group"]), (2, &json!("hall")));

    let (id, secret) = token(&admin, json!({ "name": "late" }));
    place
        .database()
        .execute("UPDATE enrolment_tokens SET expires_ms = 1 WHERE id = ?1", [&id])
        .unwrap();
    let expired = TestDevice::new(3).enrol(&anybody, &secret).problem(403, "bad_token");
    assert!(expired["detail"].as_str().unwrap().contains("expired"), "{expired}");
    let (id, secret) = token(&admin, json!({ "name": "gone" }));
    admin.delete(&format!("/api/enrolment-tokens/{id}")).expect(204);
    TestDevice::new(3).enrol(&anybody, &secret).problem(403, "bad_token");
    TestDevice::new(3).enrol(&anybody, "cmt_nonsense").problem(403, "bad_token");
    assert_eq!(admin.list("/api/devices").len(), 2);
}

#[test]
fn a_key_that_enrolled_for_one_owner_is_not_let_in_by_anothers_token() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user(&admin, "ada");
    TestDevice::new(1).enrolled(&admin);
    let (_, secret) = token(&ada, json!({ "name": "t" }));
    TestDevice::new(1).enrol(&service.anybody(), &secret).problem(403, "bad_token");
    assert!(ada.list("/api/devices").is_empty());
    // Another token of the same owner does it, as long as that one is good itself.
    let (id, secret) = token(&admin, json!({ "name": "t" }));
    TestDevice::new(1).enrol(&service.anybody(), &secret).expect(201);
    place
        .database()
        .execute("UPDATE enrolment_tokens SET uses_left = 0 WHERE id = ?1", [&id])
        .unwrap();
    TestDevice::new(1).enrol(&service.anybody(), &secret).problem(403, "bad_token");
}

#[test]
fn enrolments_that_make_no_sense_are_refused() {
    let place = Place::new();
    let service = place.serve("");
    let (_, secret) = token(&service.admin(), json!({ "name": "t" }));
    let good = TestDevice::new(1).enrolment(&secret);
    for (field, wrong, part) in [
        ("public_key", json!("AAAA"), "public_key"),
        ("protocol_version", json!(99), "upgrade the trainer"),
        ("name", json!("../x"), "device name"),
        ("arch", json!("x".repeat(200)), "arch"),
        ("version", json!(7), "version"),
    ] {
        let mut asked = good.clone();
        asked[field] = wrong;
        let problem = service.anybody().post("/api/devices/enrol", &asked).problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    service.anybody().post("/api/devices/enrol", &good).expect(201);
}

#[test]
fn only_requests_that_the_device_signed_just_now_are_heard() {
    let place = Place::new();
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    let device = TestDevice::new(1).enrolled(&admin);
    let other = TestDevice::new(2).enrolled(&admin);
    let good = device.heartbeat_at(now_ms(), Value::Null);

    for spoil in [
        |signed: &mut Signed| signed.signature = STANDARD.encode([7; 64]),
        |signed: &mut Signed| signed.signature = "no base64".to_owned(),
        |signed: &mut Signed| signed.signature = STANDARD.encode([7; 10]),
        |signed: &mut Signed| signed.time = (signed.time.parse::<i64>().unwrap() + 1).to_string(),
        |signed: &mut Signed| signed.time = "soon".to_owned(),
        |signed: &mut Signed| signed.path += "?x=1",
        |signed: &mut Signed| signed.body.as_mut().unwrap().push(b' '),
        |signed: &mut Signed| signed.device = "01890000-0000-7000-8000-000000000000".to_owned(),
    ] {
        let mut spoilt = good.clone();
        spoil(&mut spoilt);
        spoilt.send(&anybody).problem(401, "bad_signature");
    }
    // Another device's signature, for this device's path.
    let path = format!("/api/devices/{}/heartbeat", device.id);
    let foreign = other.sign("POST", &path, good.body.clone(), now_ms());
    foreign.send(&anybody).problem(401, "bad_signature");
    let as_this = Signed { device: device.id.clone(), ..foreign };
    as_this.send(&anybody).problem(401, "bad_signature");
    assert!(admin.get(&format!("/api/devices/{}", device.id)).json()["seen_ms"].is_null());

    good.send(&anybody).expect(200);
    let replayed = good.send(&anybody).problem(401, "clock_skew");
    assert!(replayed["time_ms"].as_i64().unwrap() > 0, "{replayed}");
    device.heartbeat_at(now_ms() + 1000, Value::Null).send(&anybody).expect(200);
    device.heartbeat_at(now_ms() + 1, Value::Null).send(&anybody).problem(401, "clock_skew");

    admin.delete(&format!("/api/devices/{}", device.id)).expect(204);
    let gone = device.heartbeat(&anybody, Value::Null).problem(401, "bad_signature");
    assert!(gone["detail"].as_str().unwrap().contains("enrol it again"), "{gone}");
}

#[test]
fn a_device_with_a_wrong_clock_is_told_the_time() {
    let place = Place::new();
    let service = place.serve("");
    let anybody = service.anybody();
    let device = TestDevice::new(1).enrolled(&service.admin());
    for time_ms in [
        now_ms() - CLOCK_SKEW_MS_MAX - 5000,
        now_ms() + CLOCK_SKEW_MS_MAX + 5000,
        0,
        i64::MIN,
        i64::MAX,
    ] {
        let refused = device.heartbeat_at(time_ms, Value::Null).send(&anybody);
        let refused = refused.problem(401, "clock_skew");
        let told = refused["time_ms"].as_i64().unwrap();
        assert!((told - now_ms()).abs() < 5000, "{refused}");
    }
    device.heartbeat(&anybody, Value::Null).expect(200);
}

#[test]
fn a_heartbeat_is_small_and_of_a_known_form() {
    let place = Place::new();
    let service = place.serve("");
    let anybody = service.anybody();
    let device = TestDevice::new(1).enrolled(&service.admin());
    let path = format!("/api/devices/{}/heartbeat", device.id);
    let send = |body: Vec<u8>| device.sign("POST", &path, Some(body), now_ms()).send(&anybody);
    send(b"{".to_vec()).problem(400, "malformed");
    send(vec![b' '; (1 << 20) + 1]).problem(413, "too_large");
    let good = device.heartbeat_at(now_ms(), Value::Null).body.unwrap();
    let good: Value = serde_json::from_slice(&good).unwrap();
    let stream = |name: &str| json!({ "stream": name, "state": "matched", "samples": 1, "dropped_samples": 0, "windows": 0 });
    let with = |field: &str, value: Value| {
        let mut heartbeat = good.clone();
        heartbeat[field] = value;
        heartbeat.to_string().into_bytes()
    };
    send(with("streams", (0..101).map(|_| stream("s")).collect())).problem(422, "invalid");
    send(with("streams", json!([stream(&"s".repeat(300))]))).problem(422, "invalid");
    let too_old = send(with("protocol_version", json!(0))).problem(422, "invalid");
    assert!(too_old["detail"].as_str().unwrap().contains("upgrade the device"), "{too_old}");
    let model = |name: &str| json!({ "model": name });
    send(with("models", (0..33).map(|_| model("m")).collect())).problem(422, "invalid");
    send(with("models", json!([model(&"m".repeat(300))]))).problem(422, "invalid");
    send(with("streams", (0..100).map(|_| stream("s")).collect())).expect(200);
}

#[test]
fn a_deployment_goes_from_pending_to_serving_and_is_in_use_until_the_next() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let (admin, anybody) = (service.admin(), service.anybody());
    let model = admin.train("pump", "m");
    let device = TestDevice::new(1).enrolled(&admin);
    let sha256 = model["artifact_sha256"].as_str().unwrap();
    assert!(device.heartbeat(&anybody, Value::Null).expect(200).json().get("model").is_none());
    device.artifact(&anybody, sha256).problem(404, "not_found");

    let asked = json!({ "device_id": device.id, "model": "m" });
    let deployed = admin.post_once("/api/deployments", "k", &asked).expect(201).json();
    assert_eq!((&deployed["status"], &deployed["version"]), (&json!("pending"), &json!(1)));
    let again = admin.post_once("/api/deployments", "k", &asked).expect(201).json();
    assert_eq!(again["id"], deployed["id"]);
    let other = json!({ "device_id": device.id, "model": "m", "version": 1 });
    admin.post_once("/api/deployments", "k", &other).problem(409, "attempt_key");
    assert_eq!(admin.list("/api/deployments").len(), 1);

    let desired = device.heartbeat(&anybody, Value::Null).expect(200).json();
    assert_eq!(desired["model"]["artifact_sha256"], sha256);
    assert_eq!(desired["model"]["deployment_id"], deployed["id"]);
    let artifact = device.artifact(&anybody, sha256).expect(200).body;
    assert_eq!(model_format::id::Digest::of(&artifact).to_string(), sha256);
    assert_eq!(desired["model"]["artifact_bytes"], artifact.len());

    let deployment = format!("/api/deployments/{}", deployed["id"].as_str().unwrap());
    for state in ["downloading", "proving", "serving"] {
        let report =
            json!({ "deployment_id": deployed["id"], "state": state, "proof": { "p": state } });
        device.heartbeat(&anybody, report).expect(200);
        assert_eq!(admin.get(&deployment).json()["status"], state);
    }
    assert_eq!(admin.get(&deployment).json()["proof"]["p"], "serving");
    admin.delete("/api/training/models/m/versions/1").problem(409, "in_use");
    admin.delete("/api/training/models/m").problem(409, "in_use");
    device.artifact(&anybody, sha256).expect(200);

    // A report of a deployment that is over changes nothing.
    let second = admin.post("/api/deployments", &asked).expect(201).json();
    assert_eq!(admin.get(&deployment).json()["status"], "replaced");
    let old = json!({ "deployment_id": deployed["id"], "state": "failed", "error": "late" });
    device.heartbeat(&anybody, old).expect(200);
    assert_eq!(admin.get(&deployment).json()["status"], "replaced");
    let second = format!("/api/deployments/{}", second["id"].as_str().unwrap());
    assert_eq!(admin.get(&second).json()["status"], "pending");
    let of_device = format!("/api/deployments?device_id={}", device.id);
    assert_eq!(admin.list(&of_device).len(), 2);

    admin.delete(&format!("/api/devices/{}", device.id)).expect(204);
    assert!(admin.list("/api/deployments").is_empty());
    admin.delete("/api/training/models/m").expect(204);
    wait_until_empty(&place.data().join("models"));
}
