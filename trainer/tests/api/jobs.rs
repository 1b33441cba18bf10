//! The queue: order, cancellation, what becomes of jobs when the service ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, long_run, small_run};
use crate::service::{Place, wait_for};

fn submit(client: &Client, run: &Value) -> Value {
    client.post("/api/training/runs", run).expect(202).json()
}

fn job_path(job: &Value) -> String {
    format!("/api/jobs/{}", job["id"].as_str().unwrap())
}

/// The job, once it is in work and has told how far it is.
fn in_work(client: &Client, job: &Value) -> Value {
    wait_for("the job is in work", || {
        let job = client.get(&job_path(job)).expect(200).json();
        (job["status"] == "running" && !job["progress"].is_null()).then_some(job)
    })
}

#[test]
fn jobs_wait_in_order_and_can_be_cancelled_where_they_are() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let first = submit(&admin, &long_run("pump", "long"));
    let begun = in_work(&admin, &first["job"]);
    assert!(begun["queue_position"].is_null() && begun["started_ms"].is_i64(), "{begun}");
    let second = submit(&admin, &small_run("pump", "second"));
    let third = submit(&admin, &small_run("pump", "third"));
    assert_eq!(
        (&second["job"]["queue_position"], &third["job"]["queue_position"]),
        (&json!(1), &json!(2))
    );

    let cancelled = admin.post(&format!("{}/cancel", job_path(&second["job"])), &json!({}));
    assert_eq!(cancelled.expect(202).json()["status"], "cancelled");
    assert_eq!(admin.get(&job_path(&third["job"])).json()["queue_position"], 1);
    let run = |submitted: &Value| {
        admin.get(&format!("/api/training/runs/{}", submitted["run_id"].as_str().unwrap())).json()
    };
    assert_eq!(run(&second)["status"], "cancelled");
    assert_eq!(
        (&run(&first)["status"], &run(&third)["status"]),
        (&json!("running"), &json!("queued"))
    );

    let asked = Instant::now();
    admin.post(&format!("{}/cancel", job_path(&first["job"])), &json!({})).expect(202);
    assert_eq!(admin.ended(&first["job"])["status"], "cancelled");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(run(&first)["status"], "cancelled");
    admin.post(&format!("{}/cancel", job_path(&first["job"])), &json!({})).problem(409, "state");
    assert_eq!(admin.ended(&third["job"])["status"], "succeeded");
    admin.get("/api/training/models/long").problem(404, "not_found");
    let jobs = admin.get("/api/jobs?limit=2").expect(200).json();
    assert_eq!(jobs["items"][0]["id"], third["job"]["id"]);
    let next = jobs["next"].as_str().unwrap();
    let rest = admin.list(&format!("/api/jobs?limit=2&cursor={next}"));
    assert_eq!((rest.len(), &rest[0]["id"]), (1, &first["job"]["id"]));
}

#[test]
fn events_tell_each_change_and_end_with_the_job() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let mut run = small_run("pump", "m");
    run["parameters"] = json!({ "n_estimators": 300 });
    let submitted = submit(&admin, &run);
    let events = admin.follow(&submitted["job"]);
    assert_eq!(events.last().unwrap()["status"], "succeeded");
    assert!(events.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(admin.follow(&submitted["job"]).len(), 1, "of a job that has ended");
}

#[test]
fn a_killed_service_leaves_interrupted_jobs_and_goes_on_with_those_that_waited() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let first = submit(&admin, &long_run("pump", "long"));
    in_work(&admin, &first["job"]);
    let second = submit(&admin, &small_run("pump", "second"));
    service.kill();

    let service = place.serve("");
    let admin = admin.at(&service.base);
    let interrupted = admin.get(&job_path(&first["job"])).expect(200).json();
    assert_eq!(interrupted["status"], "interrupted");
    assert_eq!(interrupted["error"]["code"], "interrupted", "{interrupted}");
    assert!(interrupted["finished_ms"].is_i64());
    let run = format!("/api/training/runs/{}", first["run_id"].as_str().unwrap());
    assert_eq!(admin.get(&run).json()["status"], "interrupted");
    assert_eq!(admin.ended(&second["job"])["status"], "succeeded");
    assert_eq!(admin.follow(&first["job"]).len(), 1);
}

#[test]
fn a_service_that_is_asked_to_end_does_so_soon_with_work_and_followers() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("--broker embedded:127.0.0.1:0");
    let admin = service.admin();
    let submitted = submit(&admin, &long_run("pump", "long"));
    in_work(&admin, &submitted["job"]);
    let follower = {
        let (client, job) = (admin.clone(), submitted["job"].clone());
        std::thread::spawn(move || client.follow(&job))
    };
    wait_for("the follower has come", || {
        let text = String::from_utf8(admin.get("/metrics").expect(200).body).unwrap();
        text.contains("/api/jobs/{id}/events").then_some(())
    });
    let asked = Instant::now();
    let status = service.stop();
    assert!(status.success(), "{status}: {}", place.log());
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    let events = follower.join().unwrap();
    assert_eq!(events.last().unwrap()["status"], "running", "the stream ended, not the job");

    let service = place.serve("");
    let admin = admin.at(&service.base);
    assert_eq!(admin.get(&job_path(&submitted["job"])).json()["status"], "interrupted");
}

#[test]
fn a_second_service_on_the_same_folder_is_refused_with_the_reason() {
    let place = Place::new();
    let service = place.serve("");
    let refusal = place.refusal("serve --listen 127.0.0.1:0");
    let holder = format!("in use by process {}", service.process_id());
    assert!(refusal.contains(&holder) && refusal.contains("--data"), "{refusal}");
    service.anybody().get("/api/health").expect(200);
    let other = Place::new();
    let address = service.base.strip_prefix("http://").unwrap();
    let refusal = other.refusal(&format!("serve --listen {address}"));
    assert!(refusal.contains("--listen") && refusal.contains(address), "{refusal}");
}
