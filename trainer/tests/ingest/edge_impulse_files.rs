//! Edge Impulse files that are imported, or not.

use super::{Folder, names, spans};

const FILE: &str = r#"{"protected":{"ver":"v1","alg":"HS256","iat":1},"signature":"ab",
    "payload":{"device_name":"d1","device_type":"PHONE","interval_ms":16,
    "sensors":[{"name":"accX","units":"m/s2"},{"name":"accY","units":"m/s2"}],
    "values":[[1,2],[3,4],[5,null]]}}"#;

#[test]
fn folders_become_partitions_and_names_become_labels() {
    let folder = Folder::new(&[
        ("training/idle.1.ingestion-x.json", FILE),
        ("testing/updown.2.json", FILE),
        ("SOURCES.md", "-"),
    ]);
    let found = folder.recordings("", "");
    assert_eq!(found.len(), 2);
    let one = &found[1];
    assert_eq!(one.recording.name, "training/idle.1.ingestion-x.json");
    assert_eq!(one.recording.tags["partition"], "training");
    assert_eq!(one.recording.tags["device_name"], "d1");
    assert_eq!(spans(one), ["0-3 idle"]);
    assert_eq!(names(one), ["accX", "accY"]);
    assert_eq!(one.recording.channels[0].unit.as_deref(), Some("m/s2"));
    assert_eq!(one.recording.rate_hz, Some(62.5));
    assert_eq!(one.recording.time_ns, [0, 16_000_000, 32_000_000]);
    assert_eq!((one.missing_values, one.notes.len()), (1, 1));
    assert_eq!(found[0].recording.tags["partition"], "testing");
    assert_eq!(spans(&found[0]), ["0-3 updown"]);
}

#[test]
fn info_labels_go_before_names_and_options_before_both() {
    let labels = r#"{"version":1,"files":[
        {"path":"training/a.json","category":"training","label":{"type":"label","label":"one"}},
        {"path":"testing/a.json","category":"testing","label":{"type":"unlabeled"}},
        {"path":"b.json","category":"testing","label":{"type":"multi-label","labels":[
            {"label":"v","startIndex":1,"endIndex":2},{"label":"u","startIndex":0,"endIndex":0}]}}]}"#;
    let folder = Folder::new(&[
        ("info.labels", labels),
        ("training/a.json", FILE),
        ("testing/a.json", FILE),
        ("more/b.json", FILE),
        ("more/c.1.json", FILE),
    ]);
    let found = folder.recordings("", "");
    let found: Vec<_> = found
        .iter()
        .map(|one| {
            let partition = one.recording.tags.get("partition").map_or("-", String::as_str);
            format!("{} {partition} {}", one.recording.name, spans(one).join(","))
        })
        .collect();
    assert_eq!(
        found,
        [
            "more/b.json testing 0-1 u,1-3 v",
            "more/c.1.json - 0-3 c",
            "testing/a.json testing ",
            "training/a.json training 0-3 one",
        ]
    );
    let one = folder.one("training/a.json", "--label-from value:other --unit accX=g --tag k=v");
    assert_eq!(spans(&one), ["0-3 other"]);
    assert_eq!(one.recording.channels[0].unit.as_deref(), Some("g"));
    assert_eq!(one.recording.tags["k"], "v");
}

#[test]
fn labels_beyond_the_file_or_in_doubt_are_refused() {
    let span = r#"{"files":[{"path":"a.json","label":{"type":"multi-label","labels":[
        {"label":"u","startIndex":0,"endIndex":3}]}}]}"#;
    let folder = Folder::new(&[("info.labels", span), ("a.json", FILE)]);
    let message = folder.refusal("", "");
    assert!(message.contains("label \"u\" covers rows 0 to 3 of 3"), "{message}");
    let twice = r#"{"files":[{"path":"x/a.json","label":"u"},{"path":"y/a.json","label":"v"}]}"#;
    let folder = Folder::new(&[("info.labels", twice), ("a.json", FILE)]);
    let message = folder.refusal("", "");
    assert!(message.contains("several entries of this name"), "{message}");
    let folder = Folder::new(&[("info.labels", "{"), ("a.json", FILE)]);
    assert!(folder.refusal("", "").contains("info.labels: is not an Edge Impulse file"));
}

#[test]
fn options_for_tables_are_refused() {
    let folder = Folder::new(&[("a.json", FILE)]);
    for (options, part) in [
        ("--rate-hz 100", "--rate-hz is given, but Edge Impulse JSON has its interval"),
        ("--time t", "--time names the column `t`"),
        ("--label-from column:x", "--label-from names the column `x`"),
        ("--unit accx=g", "did you mean \"accX\""),
    ] {
        let message = folder.refusal("a.json", options);
        assert!(message.contains(part), "{message}");
    }
    let folder = Folder::new(&[("a.json", "{\"a\":1}")]);
    let message = folder.refusal("a.json", "--format edge_impulse_json");
    assert!(message.contains("a.json: `interval_ms` is not there"), "{message}");
}
