//! The program under test, and what it says over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{model, until};

/// A running `cirame-edge serve`; ends with its test.
pub(crate) struct Edge {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: String,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The message of a refusal with this status.
    pub(crate) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()["error"].as_str().expect("a refusal says why").to_owned()
    }
}

/// Whether the tests are built for another processor.
pub(crate) fn is_emulated() -> bool {
    std::env::var_os("CIRAME_TEST_RUNNER").is_some()
}

/// The program, under the emulator where the tests are built for another processor.
pub(crate) fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_cirame-edge");
    let mut command = match std::env::var_os("CIRAME_TEST_RUNNER") {
        None => Command::new(program),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
    };
    for name in ["CIRAME_BROKER", "CIRAME_DEVICE", "CIRAME_HTTP_TOKEN", "CIRAME_LISTEN", "RUST_LOG"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What `run` answers for these rows, as CSV lines of t_ms, accX and accY.
pub(crate) fn run(model_name: &str, device: &str, stream: &str, rows: &[[f32; 2]]) -> Vec<Value> {
    run_at(model_name, device, stream, rows, 0)
}

/// The same, for rows whose first has another number than 0.
pub(crate) fn run_at(
    model_name: &str,
    device: &str,
    stream: &str,
    rows: &[[f32; 2]],
    start: usize,
) -> Vec<Value> {
    let mut child = program()
        .arg("run")
        .arg(model(model_name))
        .args(["--input", "-", "--format", "csv", "--time", "t_ms"])
        .args(["--device", device, "--stream", stream])
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("the input is piped");
    let lines = rows.iter().enumerate();
    let lines = lines.map(|(row, [x, y])| format!("{},{x},{y}\n", 10 * (start + row)));
    let table = "t_ms,accX,accY\n".to_owned() + &lines.collect::<String>();
    input.write_all(table.as_bytes()).expect("the program reads");
    drop(input);
    let output = child.wait_with_output().expect("the program ends");
    let text = String::from_utf8(output.stdout).expect("results are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

impl Edge {
    /// Starts it with a released model and waits until it answers.
    pub(crate) fn start(model_name: &str, options: &[&str]) -> Edge {
        Edge::start_in(model_name, options, &[])
    }

    /// The same, with an environment.
    pub(crate) fn start_in(
        model_name: &str,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> Edge {
        let options = [&["--listen", "0"], options].concat();
        Edge::start_listening(model_name, &options, environment)
    }

    /// The same, listening where the options or the environment say it.
    pub(crate) fn start_listening(
        model_name: &str,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> Edge {
        let mut child = program()
            .arg("serve")
            .arg(model(model_name))
            .args(["--name", "edge-1", "--log", "json"])
            .args(options)
            .envs(environment.iter().copied())
            .spawn()
            .expect("the program starts");
        let errors = child.stderr.take().expect("the log is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut edge = Edge { child, log, address: String::new() };
        edge.address = until("the address of HTTP", || {
            let entries = edge.entries();
            let entry = entries.iter().find(|entry| entry["message"] == "listening for HTTP")?;
            Some(entry["address"].as_str()?.to_owned())
        });
        until("readiness", || (edge.get("/v2/health/ready").status == 200).then_some(()));
        edge
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The log's entries.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let lines = self.log.lock().unwrap();
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let called = agent().get(format!("http://{}{path}", self.address)).call();
        answer(called.expect("the program answers"))
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        let called = agent().post(format!("http://{}{path}", self.address)).send(body);
        answer(called.expect("the program answers"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the end", || self.child.try_wait().expect("the program can be awaited"))
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log:\n{}", self.log.lock().unwrap().join("\n"));
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 << 20);
    Answer { status, text: body.read_to_string().expect("an answer is text") }
}
