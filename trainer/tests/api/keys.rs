//! API keys: shown once, kept as digests, within their scopes, until they end.

use serde_json::{Value, json};
use trainer::api::rules::{Access, RULES};
use trainer::store::Scope;

use crate::service::Place;

#[test]
fn a_key_is_shown_once_and_kept_as_a_digest() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let asked = json!({ "name": "ci", "scopes": ["read"] });
    let made = admin.post("/api/keys", &asked).expect(201).json();
    let secret = made["secret"].as_str().unwrap();
    admin.post("/api/keys", &asked).problem(409, "taken");
    let listed = admin.list("/api/keys");
    assert_eq!(listed.len(), 1);
    assert!(!listed[0].to_string().contains(secret));
    assert!(secret.starts_with(listed[0]["start"].as_str().unwrap()));
    drop(admin);
    let kept: String = place
        .database()
        .query_row("SELECT name || start || digest || scopes FROM api_keys", [], |row| row.get(0))
        .unwrap();
    assert!(!kept.contains(secret));
    assert!(!place.log().contains(secret), "no secret in the log");

    let client = service.anybody().with_key(secret);
    client.get("/api/data/datasets").expect(200);
    assert!(service.anybody().with_key("cme_other").get("/api/jobs").status == 401);
    let admin_path = format!("/api/keys/{}", made["id"].as_str().unwrap());
    client.delete(&admin_path).problem(401, "not_signed_in");
}

#[test]
fn a_key_does_what_its_scopes_say_and_no_more() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    for scope in ["read", "data", "training", "devices"] {
        let asked = json!({ "name": scope, "scopes": [scope] });
        let made = admin.post("/api/keys", &asked).expect(201).json();
        let client = service.anybody().with_key(made["secret"].as_str().unwrap());
        let own: Scope = serde_json::from_value(json!(scope)).unwrap();
        for (method, path, access) in RULES {
            let path = path
                .replace("{id}", "01890000-0000-7000-8000-000000000000")
                .replace("{name}", "nothing")
                .replace("{number}", "1")
                .replace("{*rest}", "index.css");
            // Without a device these events would not end.
            let of_none = "/api/devices/events?device=01890000-0000-7000-8000-000000000000";
            let path = if path == "/api/devices/events" { of_none.to_owned() } else { path };
            let answer = client.ask(method, &path);
            match access {
                Access::Signed(_) | Access::Either(..) if access.takes_key(&[own]) => {
                    assert!(![401, 403].contains(&answer.status), "{scope}: {}", answer.asked);
                }
                Access::Signed(_) | Access::Either(..) => drop(answer.problem(403, "forbidden")),
                // Keys must not make keys, nor sign in for their user.
                Access::Session(_) => drop(answer.problem(401, "not_signed_in")),
                Access::Open | Access::Device => {}
            }
        }
    }
}

#[test]
fn a_key_ends_with_its_days_and_when_it_is_deleted() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let make = |name: &str, days: Value| {
        let asked = json!({ "name": name, "scopes": ["read"], "days": days });
        admin.post("/api/keys", &asked)
    };
    make("never", json!(0)).problem(422, "invalid");
    let made = make("day", json!(1)).expect(201).json();
    let client = service.anybody().with_key(made["secret"].as_str().unwrap());
    client.get("/api/jobs").expect(200);
    let expire = "UPDATE api_keys SET expires_ms = expires_ms - 24 * 3600 * 1000";
    place.database().execute(expire, []).unwrap();
    client.get("/api/jobs").problem(401, "not_signed_in");

    let made = make("always", Value::Null).expect(201).json();
    let client = service.anybody().with_key(made["secret"].as_str().unwrap());
    client.get("/api/jobs").expect(200);
    admin.delete(&format!("/api/keys/{}", made["id"].as_str().unwrap())).expect(204);
    client.get("/api/jobs").problem(401, "not_signed_in");
}
