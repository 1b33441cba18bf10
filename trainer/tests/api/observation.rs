//! What can be seen of the service from outside: metrics, request ids, headers, health.

use crate::service::Place;

#[test]
fn metrics_have_their_documented_names_and_count_by_route() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    for _ in 0..3 {
        admin.get("/api/data/datasets/nothing").expect(404);
    }
    let answer = admin.get("/metrics").expect(200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.body).unwrap();
    for part in [
        "# TYPE cirame_trainer_http_requests counter",
        "# TYPE cirame_trainer_http_request_duration_seconds histogram",
        "# UNIT cirame_trainer_http_request_duration_seconds seconds",
        "# TYPE cirame_trainer_jobs_waiting gauge",
        "cirame_trainer_jobs_running 0",
        "# UNIT cirame_trainer_resident_memory_bytes bytes",
        r#"cirame_trainer_http_requests_total{method="GET",route="/api/data/datasets/{name}",status="404"} 3"#,
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let memory =
        text.lines().find_map(|line| line.strip_prefix("cirame_trainer_resident_memory_bytes "));
    assert!(memory.unwrap().parse::<f64>().unwrap() > 1e6);
    assert!(!text.contains("/nothing"), "addresses are no labels");
}

#[test]
fn every_answer_has_an_id_and_keeps_browsers_from_guessing() {
    let place = Place::new();
    let service = place.serve("--log json");
    let admin = service.admin();
    let mut ids = Vec::new();
    for path in ["/api/health", "/api/jobs", "/api/nothing", "/api/jobs/x", "/api/docs/", "/api"] {
        for client in [&admin, &service.anybody()] {
            let answer = client.get(path);
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
            ids.push(answer.header("x-request-id").to_owned());
        }
    }
    let log = place.log();
    for id in &ids {
        let line = log.lines().find(|line| line.contains(id.as_str())).expect("it is in the log");
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(line["span"]["request.id"], id.as_str(), "{line}");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

#[test]
fn unknown_addresses_and_methods_are_problems() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    admin.get("/api/nothing").problem(404, "no_route");
    admin.get("/api").problem(404, "no_route");
    admin.put("/api/jobs", &serde_json::json!({})).problem(405, "no_method");
    admin.delete("/api/health").problem(405, "no_method");
    service.anybody().delete("/api/jobs").problem(405, "no_method");
    let health = service.anybody().get("/api/health").expect(200).json();
    let version = &model_format::protocol::PROTOCOL_VERSION.into();
    assert_eq!((&health["status"], &health["protocol_version"]), (&"ok".into(), version));
    assert!(service.anybody().get("/api/health").headers.get("set-cookie").is_none());
}
