//! Imports that end early, are asked again, or leave refused files out.

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::Place;

fn upload(client: &Client, name: &str, text: &str) -> String {
    client.upload(name, text.as_bytes(), 50_000)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

const GOOD: &str = "t_ms,x,y\n0,1,5\n10,2,5\n20,4,5\n30,3,5\n";
const OTHER: &str = "t_ms,x,y\n0,9,5\n10,2,5\n20,4,5\n30,3,5\n";
const BAD: &str = "t_ms,x,y\n0,1,5\n10,zwei,5\n";

#[test]
fn what_was_read_before_a_refusal_is_not_read_again() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let options = json!({ "time": "t_ms", "label_from": "value:idle" });
    let (a, b, c) = (
        upload(&admin, "a.csv", GOOD),
        upload(&admin, "b.csv", OTHER),
        upload(&admin, "c.csv", BAD),
    );
    let path = "/api/data/datasets/pump/imports";
    let import = |uploads: &[&String], options: &Value| {
        let asked = json!({ "uploads": uploads, "options": options });
        admin.post(path, &asked).expect(202).json()
    };
    let ended = admin.ended(&import(&[&a, &b, &c], &options));
    assert_eq!(ended["error"]["code"], "import", "{ended}");
    admin.get("/api/data/datasets/pump").problem(404, "not_found");

    let mended = upload(&admin, "c.csv", &BAD.replace("zwei", "2"));
    let result = admin.result(&import(&[&a, &b, &mended], &options));
    assert_eq!(names(&result["known"]), ["a.csv", "b.csv"]);
    assert_eq!((&result["version"], &result["recordings"]), (&json!(1), &json!(3)));
    assert_eq!(result["imported"][0]["channel_reports"][1]["is_constant"], true);
    // The same again: nothing is read, nothing changes.
    let result = admin.result(&import(&[&a, &b, &mended], &options));
    assert_eq!((names(&result["known"]).len(), &result["changed"]), (3, &json!(false)));
    // With other options a file is another thing.
    let other = json!({ "time": "t_ms", "label_from": "value:worn" });
    let result = admin.result(&import(&[&a], &other));
    assert_eq!((names(&result["known"]).len(), &result["version"]), (0, &json!(2)));

    // A dataset that is gone takes what was noted for it along.
    admin.delete("/api/data/datasets/pump").expect(204);
    crate::service::wait_until_empty(&place.data().join("datasets"));
    let result = admin.result(&import(&[&a], &options));
    assert_eq!((names(&result["known"]).len(), &result["version"]), (0, &json!(1)));
}

#[test]
fn refused_files_are_left_out_if_that_is_asked_for() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let options = json!({ "time": "t_ms", "label_from": "none", "skip_refused": true });
    let uploads = [upload(&admin, "a.csv", GOOD), upload(&admin, "sub/c.csv", BAD)];
    let asked = json!({ "uploads": uploads, "options": options });
    let job = admin.post("/api/data/datasets/pump/imports", &asked).expect(202).json();
    let result = admin.result(&job);
    assert_eq!(result["recordings"], 1);
    let refused = &result["refused"][0];
    assert_eq!(refused["file"], "sub/c.csv");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.starts_with("sub/c.csv: ") && reason.contains("zwei"), "{reason}");
    assert!(reason.contains("ignore_columns"), "the fields are named, not the options: {reason}");
}

#[test]
fn a_report_says_what_is_wrong_before_anybody_trains() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let mut text = "t_ms,no,x,dead\n".to_owned();
    for row in 0..400_u32 {
        // A gap of a second, a row twice, a row that comes late, and a sensor at its limit.
        let time = 10 * row + if row >= 200 { 1000 } else { 0 };
        let value = (row % 21).min(15);
        text += &format!("{time},{row},{value},\n");
        if row == 100 {
            text += &format!("{time},{row},{value},\n{},{row},{value},\n", time - 5);
        }
    }
    let asked = json!({ "uploads": [upload(&admin, "a.csv", &text)],
        "options": { "time": "t_ms", "label_from": "none" } });
    let job = admin.post("/api/data/datasets/pump/imports", &asked).expect(202).json();
    let report = admin.result(&job)["imported"][0].clone();
    let timing = &report["timing"];
    assert_eq!((&report["rows"], &report["rate_hz"]), (&json!(402), &json!(100.0)));
    assert_eq!((&report["start_ns"], &report["end_ns"]), (&json!(0), &json!(4_990_000_000_u64)));
    assert_eq!(
        timing["longest_gaps"][0],
        json!({ "after_ns": 1_990_000_000, "length_ns": 1_010_000_000 })
    );
    assert_eq!(
        (&timing["gaps"], &timing["duplicates"], &timing["out_of_order"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let channels = &report["channel_reports"];
    assert_eq!((&channels[1]["least"], &channels[1]["greatest"]), (&json!(0.0), &json!(15.0)));
    assert_eq!(channels[1]["clipped"], 116);
    assert_eq!(channels[2]["missing"], 402);
    let advice = report["advice"].to_string();
    for part in [
        "1 rows go back",
        "1 rows have the time",
        "1 gaps",
        "`dead` without any value",
        "`x` at the smallest",
    ] {
        assert!(advice.contains(part), "{part:?} is not in {advice}");
    }
}
