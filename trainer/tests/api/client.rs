//! One client of the service: requests, answers, and the steps that many tests share.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use model_format::id::Digest;
use serde_json::{Value, json};

use crate::service::PATIENCE;

/// One client, with the session or the key that it has.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    login: Option<(&'static str, String)>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE));
        Client { agent: config.build().into(), base: base.to_owned(), login: None }
    }

    /// The same user at the service that was started again.
    pub(crate) fn at(&self, base: &str) -> Self {
        Client { login: self.login.clone(), ..Client::new(base) }
    }

    pub(crate) fn signed_in(&self, name: &str, password: &str) -> Self {
        let answer = self.post("/api/session", &json!({ "name": name, "password": password }));
        let cookie = answer.expect(200).header("set-cookie").to_owned();
        let (cookie, _) = cookie.split_once(';').expect("the cookie has attributes");
        Client { login: Some(("cookie", cookie.to_owned())), ..self.clone() }
    }

    pub(crate) fn with_key(&self, secret: &str) -> Self {
        Client { login: Some(("authorization", format!("Bearer {secret}"))), ..self.clone() }
    }

    /// Without the session or key.
    pub(crate) fn anonymous(&self) -> Self {
        Client { login: None, ..self.clone() }
    }

    /// The header that signs in.
    pub(crate) fn login(&self) -> (&'static str, &str) {
        let (name, value) = self.login.as_ref().expect("it has signed in");
        (name, value)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, &[], body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, &[], body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// The items of a list that fits on one page.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).expect(200).json();
        assert!(page.get("next").is_none(), "{path} has more pages");
        page["items"].as_array().expect("a list").clone()
    }

    /// A request that says nothing, whatever the method.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        match method {
            "GET" | "DELETE" => self.send(method, path, &[], None),
            _ => self.json(method, path, &[], &json!({})),
        }
    }

    /// A request that can be asked again.
    pub(crate) fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.json("POST", path, &[("idempotency-key", key)], body)
    }

    fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        self.send(method, path, &headers, Some(body.to_string().into_bytes()))
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// [`Self::send`] where the service may be gone.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method);
        request = request.uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((name, value)) = &self.login {
            request = request.header(*name, value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        Ok(Answer {
            asked: format!("{method} {path}"),
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().with_config().limit(1 << 30).read_to_vec()?,
        })
    }

    /// Follows a job to its end, as a browser does, and returns every event.
    pub(crate) fn follow(&self, job: &Value) -> Vec<Value> {
        let id = job["id"].as_str().expect("the job has an identifier");
        let (name, value) = self.login();
        let request = self.agent.get(format!("{}/api/jobs/{id}/events", self.base));
        let mut response = request.header(name, value).call().expect("the events come");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let lines = BufReader::new(response.body_mut().as_reader()).lines();
        lines
            .map(|line| line.expect("a line"))
            .filter_map(|line| line.strip_prefix("data: ").map(str::to_owned))
            .map(|data| serde_json::from_str(&data).expect("an event is JSON"))
            .collect()
    }

    /// Follows events that do not end.
    pub(crate) fn events(&self, path: &str) -> Events {
        let (name, value) = self.login();
        let request = self.agent.get(format!("{}{path}", self.base)).header(name, value);
        let mut response = request.call().expect("the events come");
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (sender, events) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut event = String::new();
            let lines = BufReader::new(response.body_mut().as_reader()).lines();
            for line in lines.map_while(Result::ok) {
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut event);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).expect("an event is JSON");
                    if sender.send((event.clone(), data)).is_err() {
                        return;
                    }
                }
            }
        });
        Events(events)
    }

    /// The job at its end.
    pub(crate) fn ended(&self, job: &Value) -> Value {
        self.follow(job).pop().expect("there is an event")
    }

    /// The result of a job that must succeed.
    pub(crate) fn result(&self, job: &Value) -> Value {
        let ended = self.ended(job);
        assert_eq!(ended["status"], "succeeded", "{ended}");
        ended["result"].clone()
    }

    /// Uploads a file in parts, and returns the upload's identifier.
    pub(crate) fn upload(&self, name: &str, content: &[u8], part_bytes: usize) -> String {
        let sha256 = Digest::of(content).to_string();
        let asked = json!({ "name": name, "size_bytes": content.len(), "sha256": sha256 });
        let upload = self.post("/api/data/uploads", &asked).expect(201).json();
        let id = upload["id"].as_str().expect("the upload has an identifier").to_owned();
        for (number, part) in content.chunks(part_bytes).enumerate() {
            self.part(&id, number * part_bytes, part).expect(200);
        }
        id
    }

    /// Sends a part of an upload.
    pub(crate) fn part(&self, upload: &str, offset: usize, part: &[u8]) -> Answer {
        self.try_part(upload, offset, part).expect("the service answers")
    }

    pub(crate) fn try_part(
        &self,
        upload: &str,
        offset: usize,
        part: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let path = format!("/api/data/uploads/{upload}");
        let offset = offset.to_string();
        let headers = [("content-type", "application/octet-stream"), ("upload-offset", &offset)];
        self.try_send("PATCH", &path, &headers, Some(part.to_vec()))
    }

    /// Trains a small forest, and returns the run and the job.
    pub(crate) fn train(&self, dataset: &str, model: &str) -> Value {
        let submitted = self.post("/api/training/runs", &small_run(dataset, model)).expect(202);
        self.result(&submitted.json()["job"])
    }
}

/// A run that takes no time.
pub(crate) fn small_run(dataset: &str, model: &str) -> Value {
    json!({
        "dataset": dataset,
        "model": model,
        "estimator": "random_forest_classifier",
        "parameters": { "n_estimators": 5 },
        "pipeline": { "window": { "samples": 128 }, "features": ["rms", "std"] },
    })
}

/// A run that goes on until somebody ends it.
pub(crate) fn long_run(dataset: &str, model: &str) -> Value {
    json!({
        "dataset": dataset,
        "model": model,
        "estimator": "random_forest_classifier",
        "parameters": { "n_estimators": 10_000 },
        "pipeline": {
            "window": { "samples": 256 }, "stride": { "samples": 1 }, "features": ["all"],
        },
    })
}

/// Events as they come.
pub(crate) struct Events(std::sync::mpsc::Receiver<(String, Value)>);

impl Events {
    /// The next event.
    #[track_caller]
    pub(crate) fn next(&self) -> (String, Value) {
        self.0.recv_timeout(PATIENCE).expect("an event comes")
    }

    /// The data of the next event of this name that `is_it`; whatever comes before is left out.
    #[track_caller]
    pub(crate) fn find(&self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (event, data) = self.next();
            if event == name && is_it(&data) {
                return data;
            }
        }
    }
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}: {body:.2000}", self.asked);
        self
    }

    /// The problem, which must have this status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem.header("content-type"), "application/problem+json");
        let problem = problem.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        problem
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{}: {error}: {}", self.asked, String::from_utf8_lossy(&self.body))
        })
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.asked));
        value.to_str().expect("plain text")
    }
}

/// Seconds that a problem says to wait.
pub(crate) fn retry_after(answer: &Answer) -> Duration {
    Duration::from_secs(answer.header("retry-after").parse().expect("seconds"))
}
