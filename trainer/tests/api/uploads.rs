//! Uploads: in parts that may be sent again, under names that stay in their folder.

use model_format::id::Digest;
use serde_json::json;

use crate::service::{Place, simulated_files};

#[test]
fn a_file_arrives_in_parts_wherever_the_client_had_to_begin_again() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let asked = json!({
        "name": "folder/data.bin",
        "size_bytes": content.len(),
        "sha256": Digest::of(&content),
    });
    let upload = admin.post_once("/api/data/uploads", "u1", &asked).expect(201).json();
    let id = upload["id"].as_str().unwrap();
    let again = admin.post_once("/api/data/uploads", "u1", &asked).expect(201).json();
    assert_eq!(again["id"], id);
    let other = json!({ "name": "other.bin", "size_bytes": 1 });
    admin.post_once("/api/data/uploads", "u1", &other).problem(409, "attempt_key");
    assert_eq!(admin.list("/api/data/uploads").len(), 1);

    let half = content.len() / 2;
    let part = admin.part(id, 0, &content[..half]).expect(200).json();
    assert_eq!((&part["received_bytes"], &part["complete"]), (&json!(half), &json!(false)));
    // The answer was lost: the same part again is told where to go on.
    let problem = admin.part(id, 0, &content[..half]).problem(409, "offset");
    assert_eq!(problem["received_bytes"], half);
    admin.part(id, half + 1, &content[half + 1..]).problem(409, "offset");
    admin.part(id, half, &[&content[half..], b"x"].concat()).problem(422, "invalid");
    admin.part(id, half, b"").problem(422, "invalid");
    assert_eq!(admin.get(&format!("/api/data/uploads/{id}")).json()["received_bytes"], half);
    let part = admin.part(id, half, &content[half..]).expect(200).json();
    assert_eq!(part["complete"], true);
    assert_eq!(std::fs::read(place.data().join("uploads").join(id)).unwrap(), content);
    admin.part(id, content.len(), b"x").problem(409, "state");

    admin.delete(&format!("/api/data/uploads/{id}")).expect(204);
    admin.get(&format!("/api/data/uploads/{id}")).problem(404, "not_found");
    assert!(!place.data().join("uploads").join(id).exists());
}

#[test]
fn a_file_that_changed_on_its_way_is_never_complete() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let asked = json!({ "name": "a.csv", "size_bytes": 4, "sha256": Digest::of(b"good") });
    let upload = admin.post("/api/data/uploads", &asked).expect(201).json();
    let id = upload["id"].as_str().unwrap();
    admin.part(id, 0, b"go").expect(200);
    admin.part(id, 2, b"xx").problem(422, "invalid");
    let path = format!("/api/data/uploads/{id}");
    assert_eq!(admin.get(&path).json()["complete"], false);
    let import = json!({ "uploads": [id], "options": { "label_from": "none", "rate_hz": "10" } });
    admin.post("/api/data/datasets/d/imports", &import).problem(409, "state");
    assert_eq!(admin.part(id, 2, b"od").expect(200).json()["complete"], true);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    for name in ["", "../a.csv", "a/../../b.csv", "/etc/passwd", "a//b", ".ssh", "c:\\x", "a\u{0}b"]
    {
        let asked = json!({ "name": name, "size_bytes": 1 });
        admin.post("/api/data/uploads", &asked).problem(422, "invalid");
        let import = json!({ "sources": [name], "options": { "label_from": "none" } });
        admin.post("/api/data/datasets/d/imports", &import).problem(422, "invalid");
    }
    assert!(admin.list("/api/data/uploads").is_empty());
    for path in ["%2e%2e%2f%2e%2e%2fcirame.db", "..%2Fcirame.db", "%00", "x%2fy"] {
        assert_eq!(admin.get(&format!("/api/data/uploads/{path}")).status, 404, "{path}");
        assert_eq!(admin.get(&format!("/api/data/datasets/{path}")).status, 404, "{path}");
        assert_eq!(
            admin.get(&format!("/api/training/models/{path}/versions/1/artifact")).status,
            404
        );
        assert_eq!(admin.get(&format!("/api/docs/{path}")).status, 404, "{path}");
    }
}

#[test]
fn the_inbox_offers_its_own_files_to_admins_alone() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user(&admin, "ada");
    let inbox = place.data().join("inbox");
    std::fs::create_dir(inbox.join("deep")).unwrap();
    let (_, content) = &simulated_files()[0];
    std::fs::write(inbox.join("deep/a.csv"), content).unwrap();
    std::fs::write(inbox.join(".hidden"), b"x").unwrap();
    std::fs::write(place.data().join("outside.csv"), content).unwrap();
    std::os::unix::fs::symlink(place.data().join("outside.csv"), inbox.join("link.csv")).unwrap();
    std::os::unix::fs::symlink(place.data(), inbox.join("up")).unwrap();
    assert!(
        ada.get("/api/data/sources").expect(200).json()["items"].as_array().unwrap().is_empty()
    );
    let sources = admin.get("/api/data/sources").expect(200).json();
    assert_eq!(sources["items"].as_array().unwrap().len(), 1, "{sources}");
    assert_eq!(sources["items"][0]["name"], "deep/a.csv");

    let import = |name: &str| json!({ "sources": [name], "options": { "time": "t_ns", "label_from": "column:label" } });
    ada.post("/api/data/datasets/d/imports", &import("deep/a.csv")).problem(403, "forbidden");
    for outside in ["link.csv", "up/outside.csv", "nothing.csv"] {
        let job = admin.post("/api/data/datasets/d/imports", &import(outside)).expect(202).json();
        let ended = admin.ended(&job);
        assert_eq!(
            (&ended["status"], &ended["error"]["code"]),
            (&json!("failed"), &json!("import"))
        );
        assert!(!ended.to_string().contains("uploads/"), "{ended}");
    }
    let job = admin.post("/api/data/datasets/d/imports", &import("deep/a.csv")).expect(202).json();
    assert_eq!(admin.result(&job)["recordings"], 1);
    assert!(inbox.join("deep/a.csv").exists(), "it stays where it was");
}
