//! Artifacts and the registry: downloads in ranges, stages, deletion, damaged files.

use model_format::id::Digest;
use serde_json::json;

use crate::service::{Place, wait_until_empty};

const VERSION: &str = "/api/training/models/m/versions/1";

#[test]
fn an_artifact_is_sent_whole_in_ranges_and_only_if_it_is_news() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let sha256 = admin.train("pump", "m")["artifact_sha256"].as_str().unwrap().to_owned();
    let path = format!("{VERSION}/artifact");
    let whole = admin.get(&path).expect(200);
    let tag = format!("\"{sha256}\"");
    assert_eq!((whole.header("etag"), whole.header("accept-ranges")), (&*tag, "bytes"));
    assert!(whole.header("content-disposition").contains("m-1.onnx"));
    let bytes = whole.body;
    assert_eq!(Digest::of(&bytes).to_string(), sha256);
    let size = bytes.len();

    let ask = |headers: &[(&str, &str)]| admin.send("GET", &path, headers, None);
    for known in [&*tag, "*", &format!("\"x\", {tag}"), &format!("W/{tag}")] {
        let answer = ask(&[("if-none-match", known)]).expect(304);
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), tag);
    }
    assert_eq!(ask(&[("if-none-match", "\"other\"")]).expect(200).body, bytes);
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-99".to_owned(), 10, 100),
        (format!("bytes={}-", size - 7), size - 7, size),
        ("bytes=-5".to_owned(), size - 5, size),
        (format!("bytes=3-{}", size * 2), 3, size),
    ] {
        let part = ask(&[("range", &range)]).expect(206);
        assert_eq!(part.body, bytes[from..to], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
        let part = ask(&[("range", &range), ("if-range", &tag)]).expect(206);
        assert_eq!(part.body, bytes[from..to]);
        assert_eq!(ask(&[("range", &range), ("if-range", "\"old\"")]).expect(200).body, bytes);
    }
    let beyond = ask(&[("range", &format!("bytes={size}-"))]);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    assert_eq!(beyond.problem(416, "range")["size_bytes"], size);
    for whole in ["bytes=5-2", "lines=1-2", "bytes=0-1,4-5", "bytes=x-"] {
        assert_eq!(ask(&[("range", whole)]).expect(200).body, bytes, "{whole}");
    }
    let head = admin.send("HEAD", &path, &[], None).expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), size.to_string());
}

#[test]
fn an_artifact_with_a_flipped_bit_is_never_sent() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    let sha256 = admin.train("pump", "m")["artifact_sha256"].as_str().unwrap().to_owned();
    let device = crate::devices::TestDevice::new(1).enrolled(&admin);
    let asked = json!({ "device_id": device.id, "model": "m" });
    admin.post("/api/deployments", &asked).expect(201);
    let file = place.data().join(format!("models/{sha256}.onnx"));
    let good = std::fs::read(&file).unwrap();
    device.artifact(&service.anybody(), &sha256).expect(200);
    for position in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[position] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let artifact = format!("{VERSION}/artifact");
        admin.get(&artifact).problem(500, "internal");
        admin.send("GET", &artifact, &[("range", "bytes=1-3")], None).problem(500, "internal");
        device.artifact(&service.anybody(), &sha256).problem(500, "internal");
        admin.get(VERSION).problem(500, "internal");
        let asked = json!({ "model": "m", "dataset": "pump" });
        let job = admin.post("/api/training/evaluations", &asked).expect(202).json();
        assert_eq!(admin.ended(&job)["status"], "failed");
    }
    assert!(place.log().contains("is damaged"), "the log has the reason");
    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    admin.get(&format!("{VERSION}/artifact")).problem(500, "internal");
    std::fs::write(&file, &good).unwrap();
    assert_eq!(admin.get(&format!("{VERSION}/artifact")).expect(200).body, good);
}

#[test]
fn a_model_has_one_version_in_production_which_cannot_be_deleted() {
    let place = Place::new();
    place.simulate("pump");
    let service = place.serve("");
    let admin = service.admin();
    admin.train("pump", "m");
    // The same again is the same artifact, and no new version.
    assert_eq!(admin.train("pump", "m")["version"], 1);
    let mut other = crate::client::small_run("pump", "m");
    other["seed"] = json!(7);
    let submitted = admin.post("/api/training/runs", &other).expect(202).json();
    assert_eq!(admin.result(&submitted["job"])["version"], 2);

    let stage = |number: u32, stage: &str| {
        let path = format!("/api/training/models/m/versions/{number}/stage");
        admin.put(&path, &json!({ "stage": stage }))
    };
    stage(1, "production").expect(200);
    stage(2, "production").expect(200);
    let versions = admin.get("/api/training/models/m").json()["versions"].clone();
    assert_eq!(
        (&versions[0]["stage"], &versions[1]["stage"]),
        (&json!("production"), &json!("archived"))
    );
    stage(3, "production").problem(404, "not_found");
    let refused = stage(1, "best").problem(422, "invalid");
    assert!(refused["detail"].as_str().unwrap().contains("stage"), "{refused}");
    admin.delete("/api/training/models/m/versions/2").problem(409, "in_use");
    admin.delete("/api/training/models/m").problem(409, "in_use");
    admin.delete(VERSION).expect(204);
    admin.get(VERSION).problem(404, "not_found");
    stage(2, "candidate").expect(200);
    admin.delete("/api/training/models/m").expect(204);
    wait_until_empty(&place.data().join("models"));
}
