//! Signing in and out: cookies, expiry, back-off, passwords.

use serde_json::json;

use crate::client::retry_after;
use crate::service::{PASSWORD, Place};

#[test]
fn the_cookie_of_a_session_is_out_of_reach_of_scripts_and_other_sites() {
    let place = Place::new();
    let service = place.serve("");
    let login = json!({ "name": "admin", "password": service.first_password() });
    let answer = service.anybody().post("/api/session", &login).expect(200);
    let cookie = answer.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(answer.json()["name"], "admin");
    assert!(answer.json().get("password").is_none());
    drop(service);

    let service = place.serve("--https");
    let answer = service.anybody().post("/api/session", &login).expect(200);
    assert!(answer.header("set-cookie").contains("; Secure"));
    let secret = answer.header("set-cookie").split(['=', ';']).nth(1).unwrap().to_owned();
    let kept: String = place
        .database()
        .query_row("SELECT group_concat(digest) FROM sessions", [], |row| row.get(0))
        .unwrap();
    assert!(!kept.contains(&secret), "the session's secret is kept as a digest");
}

#[test]
fn the_first_password_lies_in_a_private_file_until_it_was_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let service = place.serve("");
    let path = place.data().join("first-login");
    let mode =
        |name: &str| place.data().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("first-login"), mode("cirame.db")), (0o600, 0o600));
    let password = service.first_password();
    assert!(place.log().contains(&password), "it is printed");
    service
        .anybody()
        .post("/api/session", &json!({ "name": "admin", "password": "wrong one" }))
        .problem(401, "wrong_password");
    assert!(path.exists(), "a failed attempt does not use it");
    let admin = service.anybody().signed_in("admin", &password);
    assert!(!path.exists());
    admin.get("/api/session").expect(200);
    drop(service);
    let service = place.serve("");
    assert!(!path.exists(), "there is one first start");
    service.anybody().signed_in("admin", &password);
}

#[test]
fn a_session_ends_when_idle_and_in_any_case() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let hour_ms = 3_600_000;
    let age = |column: &str, ms: i64| {
        let sql = format!("UPDATE sessions SET {column} = {column} - ?1");
        assert_eq!(place.database().execute(&sql, [ms]).unwrap(), 1);
    };
    age("used_ms", 7 * hour_ms);
    admin.get("/api/session").expect(200);
    // That was a use: another seven hours are allowed.
    age("used_ms", 7 * hour_ms);
    admin.get("/api/session").expect(200);
    age("used_ms", 8 * hour_ms + 60_000);
    admin.get("/api/session").problem(401, "not_signed_in");
    age("used_ms", -(8 * hour_ms));
    admin.get("/api/session").expect(200);
    age("created_ms", 7 * 24 * hour_ms);
    admin.get("/api/session").problem(401, "not_signed_in");
}

#[test]
fn failed_attempts_must_wait_and_say_how_long() {
    let place = Place::new();
    let service = place.serve("");
    let password = service.first_password();
    let attempt = |name: &str, password: &str| {
        service.anybody().post("/api/session", &json!({ "name": name, "password": password }))
    };
    for _ in 0..5 {
        attempt("admin", "wrong password").problem(401, "wrong_password");
    }
    let refused = attempt("admin", &password);
    let wait = retry_after(&refused);
    assert!((1..=2).contains(&wait.as_secs()), "{wait:?}");
    refused.problem(429, "too_many");
    attempt("nobody", "wrong password").problem(401, "wrong_password");
    std::thread::sleep(wait);
    attempt("admin", &password).expect(200);
    attempt("admin", "wrong password").problem(401, "wrong_password");
}

#[test]
fn a_changed_password_ends_the_sessions_and_counts_wrong_old_ones() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user(&admin, "ada");
    let other = service.anybody().signed_in("ada", PASSWORD);
    let change = |old: &str, new: &str| {
        ada.put("/api/session/password", &json!({ "old_password": old, "new_password": new }))
    };
    change("wrong password", "another password").problem(401, "wrong_password");
    change(PASSWORD, "short").problem(422, "invalid");
    other.get("/api/session").expect(200);
    change(PASSWORD, "another password").expect(204);
    other.get("/api/session").problem(401, "not_signed_in");
    let login = |password: &str| json!({ "name": "ada", "password": password });
    service.anybody().post("/api/session", &login(PASSWORD)).problem(401, "wrong_password");
    let ada = service.anybody().signed_in("ada", "another password");
    admin.get("/api/session").expect(200);

    let id = ada.get("/api/session").json()["id"].as_str().unwrap().to_owned();
    let reset = format!("/api/users/{id}/password");
    admin.put(&reset, &json!({ "password": "a third password" })).expect(204);
    ada.get("/api/session").problem(401, "not_signed_in");
    let ada = service.anybody().signed_in("ada", "a third password");
    for _ in 0..5 {
        let wrong = json!({ "old_password": "wrong password", "new_password": "yet another one" });
        ada.put("/api/session/password", &wrong).problem(401, "wrong_password");
    }
    let right = json!({ "old_password": "a third password", "new_password": "yet another one" });
    ada.put("/api/session/password", &right).problem(429, "too_many");
}

#[test]
fn who_signs_out_is_out_and_other_sites_cannot_ask() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let (name, value) = admin.login();
    let headers = [("sec-fetch-site", "cross-site"), (name, value)];
    service.anybody().send("DELETE", "/api/session", &headers, None).problem(403, "forbidden");
    admin.get("/api/session").expect(200);
    let out = admin.delete("/api/session").expect(204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    admin.get("/api/session").problem(401, "not_signed_in");
}

#[test]
fn a_user_who_has_nothing_can_be_deleted_and_made_again() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user(&admin, "ada");
    let token = ada.post("/api/enrolment-tokens", &json!({ "name": "t" })).expect(201).json();
    ada.post("/api/data/uploads", &json!({ "name": "a.csv", "size_bytes": 3 })).expect(201);
    let id = ada.get("/api/session").json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/users/{id}");
    admin.delete(&path).expect(204);
    ada.get("/api/session").problem(401, "not_signed_in");
    admin.delete(&path).problem(404, "not_found");
    let device = crate::devices::TestDevice::new(1);
    device.enrol(&service.anybody(), token["secret"].as_str().unwrap()).problem(403, "bad_token");
    let ada = service.user(&admin, "ada");
    assert!(ada.list("/api/data/uploads").is_empty());
    let own = admin.get("/api/session").json()["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/api/users/{own}")).problem(409, "in_use");
}
