//! Roles: what each may do at each route is what `docs/roles.md` says; keys do no more than their user.

use serde_json::{Value, json};

use crate::client::Client;
use crate::openapi::{filled, operations};
use crate::service::{Place, Service};

/// The roles, the least first.
const ROLES: [&str; 4] = ["viewer", "annotator", "engineer", "admin"];

/// Method, path and least role of each line of the table in the documentation.
fn documented() -> Vec<[String; 3]> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
    let text = std::fs::read_to_string(path).expect("docs/roles.md is there");
    let lines = text.lines().filter_map(|line| line.strip_prefix("| `"));
    lines
        .map(|line| {
            let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`'));
            let (route, role) = (cells.next().unwrap(), cells.next().unwrap());
            let (method, path) = route.split_once(' ').expect("a method and a path");
            [method, path, role].map(str::to_owned)
        })
        .collect()
}

#[test]
fn each_role_may_do_at_each_route_what_the_documentation_says() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let name = |role: &str| format!("the-{role}");
    let clients = ROLES.map(|role| service.user_as(&admin, &name(role), role));
    let table = documented();
    for (method, path) in operations() {
        let line = table.iter().find(|[m, p, _]| *m == method && *p == path);
        let [_, _, needed] = line.unwrap_or_else(|| panic!("docs/roles.md lacks {method} {path}"));
        if ["everybody", "a device"].contains(&needed.as_str()) {
            // No user is asked for: that is tested where these are.
            assert!(
                ["/api/health", "/api/session", "/api/devices/"]
                    .iter()
                    .any(|open| path.starts_with(open))
            );
            continue;
        }
        let needed_rank = ROLES.iter().position(|role| role == needed).expect("a role");
        for (rank, client) in clients.iter().enumerate() {
            let client = match (&*method, &*path) {
                // It would end the session that the other routes are asked with.
                ("DELETE", "/api/session") => {
                    &service.anybody().signed_in(&name(ROLES[rank]), crate::service::PASSWORD)
                }
                _ => client,
            };
            // Without a device these events would not end.
            let of_none = "?device=01890000-0000-7000-8000-000000000000";
            let more = if path == "/api/devices/events" { of_none } else { "" };
            let answer = client.ask(&method, &format!("{}{more}", filled(&path)));
            let asked = format!("{} as {}", answer.asked, ROLES[rank]);
            if rank < needed_rank {
                let problem = answer.problem(403, "forbidden");
                assert_eq!(problem["role"], ROLES[rank], "{asked}");
                assert_eq!(problem["needed"], **needed, "{asked}");
            } else {
                // What programs send as files is for keys alone.
                let keys_alone = path.ends_with("ing/data") && answer.status == 401;
                assert!(![401, 403].contains(&answer.status) || keys_alone, "{asked}: {answer:?}");
            }
        }
    }
}

#[test]
fn the_last_admin_is_neither_lowered_nor_removed_and_a_role_counts_at_once() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let id = |client: &Client| client.get("/api/session").expect(200).json()["id"].clone();
    let role_of = |id: &Value| format!("/api/users/{}/role", id.as_str().unwrap());
    let own = id(&admin);
    admin.put(&role_of(&own), &json!({ "role": "engineer" })).problem(409, "in_use");
    admin.put(&role_of(&own), &json!({ "role": "admin" })).expect(200);
    admin.put(&role_of(&own), &json!({ "role": "user" })).problem(422, "invalid");

    let ada = service.user_as(&admin, "ada", "viewer");
    assert_eq!(ada.get("/api/session").json()["may"], json!(["read"]));
    let upload = json!({ "name": "a.csv", "size_bytes": 3 });
    ada.post("/api/data/uploads", &upload).problem(403, "forbidden");
    let raised = admin.put(&role_of(&id(&ada)), &json!({ "role": "annotator" })).expect(200);
    assert_eq!(raised.json()["role"], "annotator");
    ada.post("/api/data/uploads", &upload).expect(201);
    assert_eq!(ada.get("/api/session").json()["may"], json!(["read", "data"]));

    // A second admin may lower the first one, and is the last one then.
    admin.put(&role_of(&id(&ada)), &json!({ "role": "admin" })).expect(200);
    ada.put(&role_of(&own), &json!({ "role": "viewer" })).expect(200);
    admin.get("/api/users").problem(403, "forbidden");
    ada.put(&role_of(&id(&ada)), &json!({ "role": "viewer" })).problem(409, "in_use");
    ada.delete(&format!("/api/users/{}", id(&ada).as_str().unwrap())).problem(409, "in_use");
    let unknown = json!("01890000-0000-7000-8000-000000000000");
    ada.put(&role_of(&unknown), &json!({ "role": "viewer" })).problem(404, "not_found");
}

fn key(service: &Service, client: &Client, name: &str, scopes: &[&str]) -> Client {
    let asked = json!({ "name": name, "scopes": scopes });
    let made = client.post("/api/keys", &asked).expect(201).json();
    service.anybody().with_key(made["secret"].as_str().unwrap())
}

#[test]
fn a_key_does_no_more_than_the_role_of_its_user_as_it_is_now() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    let ada = service.user_as(&admin, "ada", "annotator");
    let beyond = json!({ "name": "k", "scopes": ["read", "training"] });
    let refused = ada.post("/api/keys", &beyond).problem(403, "forbidden");
    assert_eq!((&refused["role"], &refused["needed"]), (&json!("annotator"), &json!("engineer")));
    assert_eq!(refused["field"], "scopes");

    let eve = service.user_as(&admin, "eve", "engineer");
    let with_key = key(&service, &eve, "all", &["read", "data", "training", "devices"]);
    with_key.post("/api/training/runs", &json!({})).problem(422, "invalid");
    let id = eve.get("/api/session").json()["id"].as_str().unwrap().to_owned();
    admin.put(&format!("/api/users/{id}/role"), &json!({ "role": "viewer" })).expect(200);
    let refused = with_key.post("/api/training/runs", &json!({})).problem(403, "forbidden");
    assert_eq!((&refused["role"], &refused["needed"]), (&json!("viewer"), &json!("engineer")));
    with_key.get("/api/data/datasets").expect(200);
}

#[test]
fn users_are_managed_where_the_data_lies() {
    let place = Place::new();
    drop(place.serve(""));
    let output = place.command("--json users add ada --role annotator").output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["role"], "annotator");
    assert!(place.refusal("users add ada --role viewer").contains("already"));
    assert!(place.refusal("users set-role admin viewer").contains("only admin"));
    assert!(place.refusal("users remove admin").contains("only admin"));
    assert!(place.refusal("users set-role grace viewer").contains("no user \"grace\""));
    place.run("users set-role ada engineer");
    let service = place.serve("");
    let ada = service.anybody().signed_in("ada", made["password"].as_str().unwrap());
    assert_eq!(ada.get("/api/session").json()["role"], "engineer");
    drop(service);
    place.run("users remove ada");
    let output = place.command("--json users list").output().unwrap();
    let left: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(left.as_array().unwrap().len(), 1);
}
