//! Bodies as clients write them, and as nobody should.

use proptest::prelude::*;

use super::*;

const TAKES: Takes<'static> = Takes { window_shape: &[2, 2], outputs: &["probabilities", "label"] };

fn refused(body: &[u8], head_length: Option<&str>) -> String {
    read(body, head_length, &TAKES).unwrap_err().to_string()
}

/// A head for one window of binary data, and the window.
fn in_binary(more: &str, size: usize, values: &[f32]) -> (String, Vec<u8>) {
    let head = format!(
        r#"{{"inputs":[{{"name":"windows","datatype":"FP32","shape":[1,2,2],"parameters":{{"binary_data_size":{size}}}}}]{more}}}"#
    );
    let mut body = head.clone().into_bytes();
    body.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    (head.len().to_string(), body)
}

#[test]
fn a_binary_tensor_is_the_same_as_its_numbers() {
    let values = [1.5f32, -2.0, 0.25, 1e-30];
    let (length, body) =
        in_binary(r#","id":"a","parameters":{"binary_data_output":true}"#, 16, &values);
    let read = read(&body, Some(&length), &TAKES).unwrap();
    assert_eq!((&read.windows[..], read.count, read.id.as_deref()), (&values[..], 1, Some("a")));
    assert!(read.outputs.iter().all(|output| output.is_binary));
    let json = r#"{"inputs":[{"name":"windows","datatype":"FP32","shape":[1,2,2],
        "data":[[[1.5,-2],[0.25,1e-30]]]}],
        "outputs":[{"name":"label"},{"name":"probabilities","parameters":{"binary_data":true}}]}"#;
    let flat = super::read(json.as_bytes(), None, &TAKES).unwrap();
    assert_eq!(flat.windows, values);
    assert_eq!(
        flat.outputs,
        [
            Wanted { name: "label", is_binary: false },
            Wanted { name: "probabilities", is_binary: true }
        ]
    );
    // A header that gives the whole body is allowed where no tensor is binary.
    let length = json.len().to_string();
    assert_eq!(super::read(json.as_bytes(), Some(&length), &TAKES).unwrap(), flat);
}

#[test]
fn lengths_that_do_not_agree_are_refused() {
    let values = [0.0f32; 4];
    let (length, body) = in_binary("", 16, &values);
    for wrong in ["", "-1", "x", "99999999999999999999999", &(body.len() + 1).to_string()] {
        assert!(refused(&body, Some(wrong)).contains("at most the"), "{wrong}");
    }
    let short = (length.parse::<usize>().unwrap() - 1).to_string();
    assert!(refused(&body, Some(&short)).contains("is no inference request"));
    assert!(refused(&body[..body.len() - 1], Some(&length)).contains("15 bytes follow"));
    let (length, body) = in_binary("", 12, &values[1..]);
    assert!(refused(&body, Some(&length)).contains("4 values of 4 bytes"));
    let (length, body) = in_binary("", usize::MAX, &values);
    assert!(refused(&body, Some(&length)).contains("4 values of 4 bytes"));
}

#[test]
fn shapes_that_no_memory_holds_are_refused() {
    for (shape, text) in [
        ("[-1,2,2]", "invalid value"),
        ("[1,-2,2]", "invalid value"),
        ("[1.5,2,2]", "invalid type"),
        ("[18446744073709551615,2,2]", "at most 1024"),
        ("[18446744073709551616,2,2]", "inference request"),
        ("[9223372036854775807,9223372036854775807,4]", "[N, 2, 2]"),
        ("[1,2,2,1]", "[N, 2, 2]"),
        ("[]", "[N, 2, 2]"),
        ("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "at most 16"),
        ("null", "inference request"),
    ] {
        let body = format!(
            r#"{{"inputs":[{{"name":"windows","datatype":"FP32","shape":{shape},"data":[1,2,3,4]}}]}}"#
        );
        let refusal = refused(body.as_bytes(), None);
        assert!(refusal.contains(text), "{shape}: {refusal}");
    }
}

#[test]
fn what_would_change_the_answer_is_refused_and_never_ignored() {
    let input = r#""name":"windows","datatype":"FP32","shape":[1,2,2]"#;
    for (body, text) in [
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}],"parameters":{{"sequence_id":7}}}}"#
            ),
            "sequence_id",
        ),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}],"parameters":{{"binary_data":true}}}}"#
            ),
            "\"binary_data\" of the request",
        ),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}],"parameters":{{"binary_data_output":1}}}}"#
            ),
            "invalid type",
        ),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4],"parameters":{{"binary_data_size":16}}}}]}}"#
            ),
            "both",
        ),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1],"parameters":{{"shared_memory_region":"x"}}}}]}}"#
            ),
            "shared_memory_region",
        ),
        (format!(r#"{{"inputs":[{{{input}}}]}}"#), "neither"),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}],"outputs":[{{"name":"label"}},{{"name":"label"}}]}}"#
            ),
            "asked for twice",
        ),
        (
            format!(
                r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}],"outputs":[{{"name":"label","parameters":{{"classification":2}}}}]}}"#
            ),
            "\"classification\" of `label`",
        ),
        (
            format!(r#"{{"id":"{}","inputs":[{{{input},"data":[1,2,3,4]}}]}}"#, "x".repeat(257)),
            "at most 256",
        ),
        (
            format!(r#"{{"inputs":[{{{input},"data":{}1{}}}]}}"#, "[".repeat(9), "]".repeat(9)),
            "too deep",
        ),
    ] {
        let refusal = refused(body.as_bytes(), None);
        assert!(refusal.contains(text), "{body}: {refusal}");
    }
    let body = format!(r#"{{"inputs":[{{{input},"data":[1,2,3,4]}}]}}"#);
    let length = body.len().to_string();
    let longer = body + "0000";
    assert!(refused(longer.as_bytes(), Some(&length)).contains("4 bytes follow the JSON"));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        length in proptest::option::of("[0-9a-z -]{0,21}"),
    ) {
        let _ = read(&body, length.as_deref(), &TAKES);
    }

    #[test]
    fn bodies_that_are_nearly_right_never_break_it(
        at in 0usize..400, byte: u8, cut in 0usize..400, shift in -3i64..4,
    ) {
        let more = r#","outputs":[{"name":"label","parameters":{"binary_data":true}}]"#;
        let (length, mut body) = in_binary(more, 16, &[1.0, f32::NAN, f32::INFINITY, -0.0]);
        let length = (length.parse::<i64>().unwrap() + shift).to_string();
        let at = at % body.len();
        body[at] = byte;
        body.truncate(body.len().saturating_sub(cut / 4));
        if let Ok(request) = read(&body, Some(&length), &TAKES) {
            prop_assert_eq!(request.windows.len(), 4 * request.count);
        }
    }
}
