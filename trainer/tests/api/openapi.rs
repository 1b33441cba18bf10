//! The OpenAPI document: current, complete, and the same as the table of rules.

use serde_json::Value;
use trainer::api::rules::{Access, RULES, access};

use crate::service::Place;

fn document() -> Value {
    serde_json::from_str(&trainer::api::openapi_json().unwrap()).unwrap()
}

/// Method and path of all operations.
pub(crate) fn operations() -> Vec<(String, String)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            if method != "parameters" {
                operations.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    assert!(operations.len() > 50, "{}", operations.len());
    operations
}

/// A path with something that could be a value in each place.
pub(crate) fn filled(path: &str) -> String {
    path.replace("{id}", "01890000-0000-7000-8000-000000000000")
        .replace("{name}", "x")
        .replace("{number}", "1")
        .replace("{sha256}", &"0".repeat(64))
        .replace("{*rest}", "index.html")
}

#[test]
fn the_committed_document_is_what_the_program_prints() {
    let output = Place::new().command("openapi").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        printed == committed,
        "trainer/openapi.json is not current: renew it with `make api`, or \
         `cargo run -p trainer -- openapi > trainer/openapi.json`"
    );
}

/// The names under which the types of a source file stand in the document.
fn schema_names(source: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric()).collect::<String>();
    let mut lines = source.lines();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        let other = ["use ", "impl ", "//"].iter().any(|start| line.starts_with(start));
        if other || !line.contains("ToSchema") {
            continue;
        }
        let mut renamed = None;
        for line in lines.by_ref() {
            if let Some((_, name)) = line.split_once("schema(as = ") {
                renamed = Some(word(name));
            }
            let declared = ["struct ", "enum "].iter().find_map(|kind| line.split_once(kind));
            if let Some((_, name)) = declared.filter(|_| !line.trim_start().starts_with("//")) {
                names.push(renamed.unwrap_or_else(|| word(name)));
                break;
            }
        }
    }
    names
}

fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Of two types with one name the document would keep the one that was met last.
#[test]
fn no_two_types_have_one_name_in_the_document() {
    let mut texts = Vec::new();
    for folder in ["src", "learn/src", "../model-format/src", "../edge-runtime/engine/src"] {
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut texts);
    }
    let mut names: Vec<String> = texts.iter().flat_map(|text| schema_names(text)).collect();
    names.sort_unstable();
    let twice: Vec<&String> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(names.len() > 150, "{} types were found", names.len());
    assert!(twice.is_empty(), "give one of each its own with #[schema(as = …)]: {twice:?}");
}

#[test]
fn two_types_of_one_name_do_not_share_a_schema() {
    let schemas = &document()["components"]["schemas"];
    assert_eq!(schemas["Recorder"]["allOf"][0]["$ref"], "#/components/schemas/RecorderStanding");
    assert!(schemas["RecorderStanding"]["properties"]["streams"].is_object());
    assert!(schemas["Standing"]["properties"]["stage"].is_object());
}

#[test]
fn every_operation_has_a_rule_and_every_rule_an_operation() {
    for (method, path) in operations() {
        assert!(access(&method, &path).is_some(), "no rule names {method} {path}");
    }
    let operations = operations();
    // What describes and measures the API is no part of it, nor what boards install.
    let beside = [
        "/api/openapi.json",
        "/api/docs",
        "/api/docs/",
        "/api/docs/{*rest}",
        "/metrics",
        "/install",
        "/install/{program}",
    ];
    for (method, path, _) in RULES {
        let described = operations.iter().any(|(m, p)| m == method && p == path);
        assert_ne!(described, beside.contains(path), "{method} {path}");
    }
}

#[test]
fn every_route_that_is_not_open_is_refused_without_a_session() {
    let place = Place::new();
    let service = place.serve("");
    let anybody = service.anybody();
    for (method, path, access) in RULES {
        if *access == Access::Open {
            continue;
        }
        let answer = anybody.ask(method, &filled(path));
        let expected = if *access == Access::Device { "bad_signature" } else { "not_signed_in" };
        answer.problem(401, expected);
    }
    anybody.get("/api/health").expect(200);
}

#[test]
fn the_document_and_its_pages_come_from_the_program_itself() {
    let place = Place::new();
    let service = place.serve("");
    let admin = service.admin();
    assert_eq!(admin.get("/api/openapi.json").expect(200).json(), document());
    let page = admin.get("/api/docs/").expect(200);
    let html = String::from_utf8(page.body).unwrap();
    let parts: Vec<&str> = html
        .split(['"', '\''])
        .filter(|text| [".js", ".css"].iter().any(|end| text.ends_with(end)))
        .collect();
    assert!(parts.len() >= 2, "{html}");
    for part in parts {
        assert!(!part.contains("//"), "{part} is not the program's own");
        let part = part.trim_start_matches("./");
        let answer = admin.get(&format!("/api/docs/{part}")).expect(200);
        assert!(!answer.body.is_empty(), "{part}");
    }
    let initializer = admin.get("/api/docs/swagger-initializer.js").expect(200);
    assert!(String::from_utf8_lossy(&initializer.body).contains("/api/openapi.json"));
}

#[test]
fn what_anybody_is_answered_is_described() {
    let place = Place::new();
    let service = place.serve("");
    let document = document();
    for (method, path) in operations() {
        let answer = service.anybody().ask(&method, &filled(&path));
        let operation = &document["paths"][&path][method.to_lowercase()];
        let described = operation["responses"].get(answer.status.to_string()).is_some();
        assert!(described, "{method} {path} answers {}, which is not described", answer.status);
    }
}
