//! HTTP beside the broker, and without one.

use serde_json::Value;

use super::program::{Edge, program, run};
use super::socket::ask;
use super::{array, as_of_run, model, rows};

const TOKEN: &str = "0123456789abcdef";

#[test]
fn samples_are_answered_with_the_results_of_run_in_every_form() {
    let edge = Edge::start("classification", &[]);
    let rows = rows(200);
    let values: Vec<String> = rows.iter().map(|[x, y]| format!("[{y},{x}]")).collect();
    let table = format!(
        r#"{{"channels":["accY","accX"],"t_ms":0,"rate_hz":100,"values":[{}]}}"#,
        values.join(",")
    );
    let named: Vec<String> = rows
        .iter()
        .enumerate()
        .flat_map(|(number, [x, y])| {
            [("accX", x), ("accY", y)].map(|(name, value)| {
                format!(r#"{{"t_ms":{},"name":"{name}","value":{value}}}"#, 10 * number)
            })
        })
        .collect();
    let named = format!("[{}]", named.join(","));
    for (stream, body) in [("a", array(&rows)), ("b", table), ("c", named)] {
        let answer = edge.post(&format!("/v1/samples?stream={stream}"), body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text);
        let results = answer.json().as_array().unwrap().clone();
        let results: Vec<Value> = results.into_iter().map(as_of_run).collect();
        assert_eq!(results, run("classification", "edge-1", stream, &rows), "{stream}");
    }
}

#[test]
fn health_readiness_and_figures_are_told() {
    let edge = Edge::start("anomaly", &[]);
    edge.post("/v1/samples?stream=a", array(&rows(64)).as_bytes());
    let health = edge.get("/health");
    assert_eq!((health.status, &health.json()["state"]), (200, &Value::from("working")));
    assert_eq!(health.json()["broker_connected"], Value::Null);
    assert_eq!(edge.get("/ready").json()["models"][0]["name"], "anomaly");
    let figures = super::until("the windows", || {
        let figures = edge.get("/metrics").text;
        figures.contains("cirame_edge_windows_total 3\n").then_some(figures)
    });
    for start in [
        "cirame_edge_samples_total 64",
        "cirame_edge_dropped_samples_total{reason=\"late\"} 0",
        "cirame_edge_results_dropped_total 0",
        "cirame_edge_window_duration_seconds_count 3",
        "cirame_edge_sample_to_result_seconds_count 0",
        "cirame_edge_model_info{name=\"anomaly\"",
        "cirame_edge_broker_connected 0",
        "cirame_edge_streams 1",
        "cirame_edge_http_answers_total{status=\"200\"} ",
        "cirame_edge_http_connections_cut_total 0",
        "cirame_edge_resident_memory_bytes ",
        "cirame_edge_uptime_seconds ",
    ] {
        assert!(figures.lines().any(|line| line.starts_with(start)), "{start} in\n{figures}");
    }
}

#[test]
fn two_programs_cannot_have_one_address() {
    let edge = Edge::start("anomaly", &[]);
    let output = program()
        .arg("serve")
        .arg(model("anomaly"))
        .args(["--listen", edge.address()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("name another address with --listen"), "{errors}");
}

#[test]
fn it_ends_with_its_input_where_that_was_asked_for() {
    let mut bound = Edge::start("pump", &["--end-with-input"]);
    let mut free = Edge::start("pump", &[]);
    bound.end_input();
    free.end_input();
    assert!(bound.ended().success());
    assert_eq!(free.get("/health").status, 200);
}

#[test]
fn beyond_this_machine_it_does_not_listen_without_a_token() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = program()
            .arg("serve")
            .arg(model("anomaly"))
            .args(["--listen", address])
            .output()
            .unwrap();
        assert!(!output.status.success());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("--http-token-file FILE"), "{errors}");
        assert!(output.stdout.is_empty(), "it listens before it looks");
    }
}

#[test]
fn with_a_token_nothing_is_told_to_who_does_not_show_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let edge = Edge::start("anomaly", &["--http-token-file", file.path().to_str().unwrap()]);
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in ["/", "/ready", "/metrics", "/v1/streams", "/v2", "/v2/models/anomaly", "/nowhere"]
    {
        let refused = ask(&edge, "GET", path, "Host: edge-7.plant\r\n", b"");
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.error().contains("Authorization: Bearer"), "{}", refused.error());
        assert!(refused.head.contains("www-authenticate: basic realm"), "{}", refused.head);
        let lines = format!("Host: edge-7.plant\r\n{shown}");
        let expected = if path == "/nowhere" { 404 } else { 200 };
        assert_eq!(ask(&edge, "GET", path, &lines, b"").status, expected, "{path}");
    }
    let body = array(&rows(32));
    let samples = "/v1/samples?stream=a";
    assert_eq!(ask(&edge, "POST", samples, "", body.as_bytes()).status, 401);
    assert_eq!(ask(&edge, "POST", samples, "", &vec![b' '; 20 << 20]).status, 401);
    assert_eq!(ask(&edge, "POST", samples, &shown, body.as_bytes()).status, 200);
    // Who only watches whether it works needs no token, and learns no more.
    assert_eq!(edge.get("/v2/health/live").status, 200);
    assert_eq!(edge.get("/health").text, r#"{"state":"working"}"#);
}

#[test]
fn pages_in_a_browser_cannot_ask_a_device_that_has_no_token() {
    let edge = Edge::start("anomaly", &[]);
    let status = |lines: &str| ask(&edge, "GET", "/v1/streams", lines, b"").status;
    // A name that was bent to this address, and a page that asks by the right name.
    assert_eq!(status("Host: evil.example\r\n"), 421);
    assert_eq!(status("Host: localhost\r\nOrigin: http://evil.example\r\n"), 403);
    assert_eq!(status(&format!("Host: {0}\r\nOrigin: http://{0}\r\n", edge.address())), 200);
}

#[test]
fn the_page_shows_models_and_streams_and_runs_nothing_that_they_are_called() {
    let edge = Edge::start("anomaly", &[]);
    let wrong = br#"[{"t_ms":0,"<script>alert(1)</script>":1},{"t_ms":10,"accX":2}]"#;
    edge.post("/v1/samples?stream=%3Cimg%20src=x%20onerror=%22alert(1)%22%3E", wrong);
    edge.post("/v1/samples?stream=good", array(&rows(64)).as_bytes());
    let page = super::until("the streams on the page", || {
        let page = ask(&edge, "GET", "/", "", b"");
        let text = String::from_utf8(page.body.clone()).unwrap();
        (text.contains("good") && text.contains("mismatched")).then_some((page, text))
    });
    let (page, text) = page;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for tag in ["<img", "<script", "javascript:", "src=\"", "href=\"http"] {
        assert!(!text.contains(tag), "{tag} in {text}");
    }
    assert!(text.contains("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"), "{text}");
    assert!(text.contains("<h1>edge-1</h1>") && text.contains("<td>anomaly</td>"), "{text}");
}
