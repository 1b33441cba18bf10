//! Edge Impulse files.

use model_format::payload::edge_impulse::{
    Acquisition, EdgeImpulseError, FILE_BYTES_MAX, FileLabel, Signature, read_labels,
};
use proptest::prelude::*;

fn document(protected: &str, sensors: &str, values: &str) -> String {
    format!(
        r#"{{"protected":{{"ver":"v1",{protected}}},"signature":"1ab7","payload":{{
        "device_name":"phone","device_type":"MOBILE","interval_ms":16,
        "sensors":{sensors},"values":{values}}}}}"#
    )
}

const XY: &str = r#"[{"name":"x","units":"m/s2"},{"name":"y","units":"m/s2"}]"#;
const SIGNED: &str = r#""alg":"HS256","iat":1655405126"#;

fn read(text: &str) -> Result<Acquisition, EdgeImpulseError> {
    Acquisition::read(text.as_bytes())
}

#[test]
fn an_acquisition_is_read_with_units_and_signature() {
    let acquisition = read(&document(SIGNED, XY, "[[1,2.5],[-3,null],[5,6]]")).unwrap();
    assert_eq!((acquisition.rows(), acquisition.rate_hz()), (3, 62.5));
    assert_eq!(acquisition.sensors[1].name, "y");
    assert_eq!(acquisition.sensors[1].units.as_deref(), Some("m/s2"));
    assert_eq!(acquisition.values[..3], [1.0, 2.5, -3.0]);
    assert!(acquisition.values[3].is_nan());
    assert!(matches!(acquisition.signature, Signature::Signed { .. }));
    assert_eq!(acquisition.issued_at_s, Some(1_655_405_126));
    assert_eq!(acquisition.device_name.as_deref(), Some("phone"));
    let unsigned = read(&document(r#""alg":"none""#, XY, "[]")).unwrap();
    assert_eq!((&unsigned.signature, unsigned.rows()), (&Signature::None, 0));
}

#[test]
fn one_sensor_may_have_bare_numbers() {
    let sensor = r#"[{"name":"mic"}]"#;
    let bare = read(&document(SIGNED, sensor, "[1,-2,0.5]")).unwrap();
    let listed = read(&document(SIGNED, sensor, "[[1],[-2],[0.5]]")).unwrap();
    assert_eq!(bare.values, [1.0, -2.0, 0.5]);
    assert_eq!(bare.values, listed.values);
    assert_eq!(bare.sensors[0].units, None);
}

#[test]
fn what_does_not_fit_is_refused_by_field() {
    for (text, part) in [
        (document(SIGNED, XY, "[[1,2],[3]]"), "row 1 of `values` has 1 numbers"),
        (document(SIGNED, XY, "[[1],[3]]"), "`values` is a table with rows of 1"),
        (document(SIGNED, XY, "[[1,\"2\"]]"), "not an Edge Impulse file"),
        (document(SIGNED, XY, "[[1,1e39]]"), "beyond 32 bits"),
        (document(SIGNED, "[]", "[]"), "`sensors` is a list of 0"),
        (document(SIGNED, r#"[{"name":"x"},{"name":"x"}]"#, "[]"), "`sensors` is a list with `x`"),
        (document(SIGNED, XY, "[]").replace("_ms\":16", "_ms\":0"), "`interval_ms` is 0"),
        (document(SIGNED, XY, "[]").replace("_ms\":16", "_ms\":-4"), "`interval_ms` is -4"),
        ("{}".to_owned(), "`interval_ms` is not there"),
        ("[".to_owned(), "not an Edge Impulse file"),
    ] {
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let large = vec![b' '; FILE_BYTES_MAX + 1];
    assert!(matches!(Acquisition::read(&large), Err(EdgeImpulseError::Size { .. })));
}

#[test]
fn labels_are_read_in_every_form() {
    let text = r#"{"version":1,"files":[
        {"path":"training/a.json","category":"training","label":{"type":"label","label":"idle"}},
        {"path":"b.json","label":"run","boundingBoxes":[]},
        {"path":"c.json","label":{"type":"unlabeled"}},
        {"path":"d.json"},
        {"path":"e.json","label":{"type":"multi-label","labels":[
            {"label":"u","startIndex":0,"endIndex":9}]}}]}"#;
    let files = read_labels(text.as_bytes()).unwrap();
    let labels: Vec<_> = files.iter().map(|file| file.label.clone()).collect();
    assert_eq!(files[0].category.as_deref(), Some("training"));
    assert_eq!(
        labels,
        [
            FileLabel::Class("idle".to_owned()),
            FileLabel::Class("run".to_owned()),
            FileLabel::Unlabelled,
            FileLabel::Unlabelled,
            FileLabel::Spans(vec![(0, 9, "u".to_owned())]),
        ]
    );
    assert!(read_labels(b"{\"version\":1}").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_files_give_errors_and_no_panic(at in 0usize..400, byte: u8, end in 0usize..400) {
        let mut bytes = document(SIGNED, XY, "[[1,2.5],[-3,null],[5,6]]").into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        let _ = Acquisition::read(&bytes);
        let _ = Acquisition::read(&bytes[..end % length]);
        let _ = read_labels(&bytes);
    }
}
