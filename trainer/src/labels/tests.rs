//! Edits of labels, checked row by row against a plain model.

use proptest::prelude::*;

use super::*;

fn span(from_row: u64, to_row: u64, class: &str) -> LabelSpan {
    LabelSpan { from_row, to_row, class: class.to_owned() }
}

fn labels(own: Vec<LabelSpan>) -> LabelsByRecording {
    let recording =
        RecordingLabels { content: Digest::of(b"a"), rows: 20, own, sets: BTreeMap::new() };
    BTreeMap::from([("a".to_owned(), recording)])
}

fn edit(json: serde_json::Value) -> LabelEdit {
    serde_json::from_value(json).unwrap()
}

fn after(own: Vec<LabelSpan>, json: serde_json::Value) -> Result<Vec<LabelSpan>, String> {
    let mut labels = labels(own);
    let done = apply(&[edit(json)], None, &mut labels, &BTreeMap::new());
    done.map_err(|error| format!("{}: {error}", error.field))?;
    Ok(labels.remove("a").unwrap().own)
}

#[test]
fn each_edit_does_what_it_says() {
    use serde_json::json;
    let two = || vec![span(0, 10, "idle"), span(12, 18, "run")];
    let assigned = json!({ "edit": "assign", "recording": "a", "from_row": 8, "to_row": 14,
                           "class": "fault" });
    let expected = vec![span(0, 8, "idle"), span(8, 14, "fault"), span(14, 18, "run")];
    assert_eq!(after(two(), assigned), Ok(expected));
    let whole = json!({ "edit": "assign", "recording": "a", "class": "fault" });
    assert_eq!(after(two(), whole), Ok(vec![span(0, 20, "fault")]));
    let cleared = json!({ "edit": "clear", "from_row": 4, "to_row": 6 });
    let expected = vec![span(0, 4, "idle"), span(6, 10, "idle"), span(12, 18, "run")];
    assert_eq!(after(two(), cleared), Ok(expected.clone()));
    let merged = json!({ "edit": "merge", "recording": "a", "from_row": 0, "to_row": 10 });
    assert_eq!(after(expected, merged), Ok(two()));
    let split = json!({ "edit": "split", "recording": "a", "at_row": 15 });
    let expected = vec![span(0, 10, "idle"), span(12, 15, "run"), span(15, 18, "run")];
    assert_eq!(after(two(), split), Ok(expected));
    let renamed = json!({ "edit": "rename", "class": "run", "to": "idle" });
    assert_eq!(after(two(), renamed), Ok(vec![span(0, 10, "idle"), span(12, 18, "idle")]));
}

#[test]
fn an_edit_that_cannot_be_made_names_its_field() {
    use serde_json::json;
    let two = || vec![span(0, 10, "idle"), span(12, 18, "run")];
    for (json, field, part) in [
        (json!({ "edit": "split", "recording": "a", "at_row": 10 }), "at_row", "row 10"),
        (json!({ "edit": "split", "recording": "a", "at_row": 0 }), "at_row", "row 0"),
        (
            json!({ "edit": "merge", "recording": "a", "from_row": 0, "to_row": 20 }),
            "from_row",
            "\"run\"",
        ),
        (
            json!({ "edit": "merge", "recording": "a", "from_row": 0, "to_row": 5 }),
            "from_row",
            "touch 1",
        ),
        (
            json!({ "edit": "assign", "recording": "a", "to_row": 21, "class": "x" }),
            "to_row",
            "0..20",
        ),
        (
            json!({ "edit": "assign", "recording": "a", "from_row": 5, "to_row": 5, "class": "x" }),
            "from_row",
            "5..5",
        ),
        (json!({ "edit": "assign", "recording": "a", "class": "" }), "class", "1 to 200"),
        (json!({ "edit": "assign", "recording": "b", "class": "x" }), "recording", "\"b\""),
        (json!({ "edit": "rename", "class": "run", "to": "" }), "to", "1 to 200"),
        (json!({ "edit": "restore", "version": 7 }), "version", "version 7"),
        (
            json!({ "edit": "replace", "recording": "a", "labels": [{ "from_row": 3, "to_row": 2, "class": "x" }] }),
            "labels",
            "3..2",
        ),
    ] {
        let refused = after(two(), json).unwrap_err();
        assert!(refused.starts_with(field) && refused.contains(part), "{refused}");
    }
}

#[test]
fn a_label_set_is_changed_beside_the_own_labels_and_goes_with_its_last_span() {
    use serde_json::json;
    let mut labels = labels(vec![span(0, 10, "idle")]);
    let copy = [
        edit(json!({ "edit": "copy" })),
        edit(json!({ "edit": "rename", "class": "idle", "to": "good" })),
    ];
    apply(&copy, Some("wear"), &mut labels, &BTreeMap::new()).unwrap();
    assert_eq!(labels["a"].own, [span(0, 10, "idle")]);
    assert_eq!(labels["a"].sets["wear"], [span(0, 10, "good")]);
    let then = BTreeMap::from([(3, labels.clone())]);
    apply(&[edit(json!({ "edit": "clear" }))], Some("wear"), &mut labels, &then).unwrap();
    assert_eq!((labels["a"].own.len(), labels["a"].sets.len()), (1, 0));
    apply(&[edit(json!({ "edit": "restore", "version": 3 }))], Some("wear"), &mut labels, &then)
        .unwrap();
    assert_eq!(labels["a"].sets["wear"], [span(0, 10, "good")]);
    labels.get_mut("a").unwrap().content = Digest::of(b"b");
    let restore = [edit(json!({ "edit": "restore", "version": 3 }))];
    let refused = apply(&restore, Some("wear"), &mut labels, &then).unwrap_err().to_string();
    assert!(refused.contains("other samples"), "{refused}");
}

/// The class of each row.
fn by_row(spans: &[LabelSpan]) -> Vec<Option<String>> {
    let mut rows = vec![None; 20];
    for span in spans {
        for row in span.from_row..span.to_row {
            rows[row as usize] = Some(span.class.clone());
        }
    }
    rows
}

proptest! {
    #[test]
    fn assigning_and_clearing_is_what_it_would_be_row_by_row(
        edits in prop::collection::vec((0_u64..20, 1_u64..20, 0_usize..4), 1..12)
    ) {
        let mut labels = labels(Vec::new());
        let mut rows = vec![None; 20];
        for (from_row, length, class) in edits {
            let to = (from_row + length).min(20);
            let class = ["x", "y", "z"].get(class).map(|class| (*class).to_owned());
            let recording = "a".to_owned();
            let edit = match class.clone() {
                Some(class) => LabelEdit::Assign { recording, from_row, to_row: Some(to), class },
                None => LabelEdit::Clear { recording: Some(recording), from_row, to_row: Some(to) },
            };
            apply(&[edit], None, &mut labels, &BTreeMap::new()).unwrap();
            rows[from_row as usize..to as usize].fill(class);
            prop_assert_eq!(by_row(&labels["a"].own), rows.clone());
        }
    }
}
