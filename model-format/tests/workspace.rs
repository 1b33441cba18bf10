//! The walls of the workspace: which crate may use which, and that the map of the code is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every arrow between our crates. `learn` uses `engine` in its tests only.
const ARROWS: &[(&str, &[&str])] = &[
    ("model-format", &[]),
    ("engine", &["model-format"]),
    ("edge-runtime", &["engine", "model-format"]),
    ("learn", &["model-format"]),
    ("trainer", &["engine", "learn", "model-format"]),
];
const TEST_ARROWS: &[(&str, &str)] = &[("learn", "engine")];

/// What a crate must not reach, through any number of dependencies.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("model-format", &["tokio", "polars", "linfa", "rusqlite", "tract-onnx", "ort"]),
    ("engine", &["tokio", "polars", "linfa", "rusqlite"]),
    ("edge-runtime", &["polars", "linfa", "rusqlite"]),
    ("learn", &["tokio", "axum", "rusqlite", "polars"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").into()
}

/// What cargo knows of the workspace. For this platform alone: the crates of others may never have
/// been downloaded.
fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "host-tuple"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn crates_use_only_the_crates_they_may() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().expect("a list").iter().map(text).collect();
    let packages = metadata["packages"].as_array().expect("a list");
    let ours: Vec<_> = packages.iter().filter(|p| members.contains(text(&p["id"]))).collect();
    let names: BTreeSet<&str> = ours.iter().map(|p| text(&p["name"])).collect();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known, "a crate came or went: draw its arrows here and in ARCHITECTURE.md");
    for package in ours {
        let name = text(&package["name"]);
        let allowed = ARROWS.iter().find(|(from, _)| *from == name).expect("a known crate").1;
        for dependency in package["dependencies"].as_array().expect("a list") {
            let to = text(&dependency["name"]);
            let test_only = dependency["kind"].as_str() == Some("dev");
            if names.contains(to) && !allowed.contains(&to) {
                assert!(test_only && TEST_ARROWS.contains(&(name, to)), "{name} must not use {to}");
            }
        }
    }
}

#[test]
fn nothing_heavy_reaches_the_edge() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let name_of: BTreeMap<&str, &str> =
        packages.iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
    let mut arrows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("a list") {
        let normal = node["deps"].as_array().expect("a list").iter().filter(|dependency| {
            let kinds = dependency["dep_kinds"].as_array().expect("a list");
            kinds.iter().any(|kind| kind["kind"].is_null())
        });
        arrows.insert(text(&node["id"]), normal.map(|d| text(&d["pkg"])).collect());
    }
    for (from, forbidden) in FORBIDDEN {
        let id = name_of.iter().find(|(_, name)| name == &from).expect("a known crate").0;
        let (mut seen, mut open) = (BTreeSet::from([*id]), vec![*id]);
        while let Some(id) = open.pop() {
            open.extend(arrows[id].iter().filter(|dependency| seen.insert(**dependency)));
        }
        let reached: BTreeSet<&str> = seen.iter().map(|id| name_of[id]).collect();
        for name in *forbidden {
            assert!(!reached.contains(name), "{from} reaches {name}");
        }
    }
}

/// Words in backticks that look like a path of this repository.
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|word| {
        let path = word.trim_end_matches('/');
        !word.contains([' ', '*', '<', '{', '$', ':', '(', '='])
            && (path.contains('/') || path.ends_with(".md") || path.ends_with(".toml"))
            && !word.starts_with(['/', '-', '~', '.'])
    })
}

/// Targets of Markdown links that are not on the web.
fn links_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter_map(|link| {
        let path = link.split('#').next().unwrap_or_default();
        (!path.is_empty() && !link.contains("://")).then_some(path)
    })
}

#[test]
fn paths_and_links_in_the_documents_exist() {
    let root = root();
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("docs is a folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                documents.push(path);
            }
        }
    }
    let mut broken = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("a readable document");
        let folder = document.parent().expect("a file lies in a folder");
        let is_map = document.ends_with("ARCHITECTURE.md") || document.ends_with("CONTRIBUTING.md");
        let named = paths_in(&text).filter(|_| is_map).map(|path| (path, root.join(path)));
        let linked = links_in(&text).map(|path| (path, folder.join(path)));
        for (word, path) in named.chain(linked) {
            if !path.exists() {
                broken.push(format!("{}: {word}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "no such file or folder:\n{}", broken.join("\n"));
}
