//! HTTP beside the broker, and without one.

use serde_json::Value;

use super::program::{Edge, run};
use super::{array, as_of_run, rows};

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
    assert_eq!(edge.get("/ready").json()["model"], "anomaly");
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
        "cirame_edge_resident_memory_bytes ",
        "cirame_edge_uptime_seconds ",
    ] {
        assert!(figures.lines().any(|line| line.starts_with(start)), "{start} in\n{figures}");
    }
}

#[test]
fn two_programs_cannot_have_one_address() {
    let edge = Edge::start("anomaly", &[]);
    let output = super::program::program()
        .arg("serve")
        .arg(super::model("anomaly"))
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
