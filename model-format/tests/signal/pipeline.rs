//! Pipelines that cannot stand are refused with field, value and remedy.

use model_format::pipeline::{Pipeline, Rate};
use serde_json::{Value, json};

use crate::replay::pipeline;

fn refusal(changes: Value) -> (String, String) {
    let error = pipeline(changes.clone()).check().expect_err(&changes.to_string());
    (error.field.clone(), error.to_string())
}

#[test]
fn a_pipeline_reads_back_as_it_was_written() {
    let pipeline = pipeline(json!({
        "channels": [{"name": "x", "unit": "m/s2"}, {"name": "t", "align": {"method": "hold", "age_max_ms": 9}}],
        "gap": {"fill": "hold", "max_samples": 2},
        "lateness_ms": 5,
        "time": "arrival",
    }));
    assert_eq!(pipeline.check(), Ok(()));
    let json = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
}

#[test]
fn every_field_that_cannot_stand_is_named() {
    let many =
        |count: usize| (0..count).map(|n| json!({"name": n.to_string()})).collect::<Vec<_>>();
    let slow = |method: &str, age: u64| json!([{"name": "x"}, {"name": "s", "align": {"method": method, "age_max_ms": age}}]);
    let window =
        |length: u64, stride: u64| json!({"length_samples": length, "stride_samples": stride});
    let rate = |hz: f64, tolerance: f64| json!({"fixed": {"hz": hz, "tolerance": tolerance}});
    let cases = [
        ("channels", json!({"channels": []})),
        ("channels", json!({"channels": many(257)})),
        ("channels[0].name", json!({"channels": [{"name": ""}]})),
        ("channels[0].name", json!({"channels": [{"name": " x"}]})),
        ("channels[0].name", json!({"channels": [{"name": "x\n"}]})),
        ("channels[0].name", json!({"channels": [{"name": "a\u{0}b"}]})),
        ("channels[0].name", json!({"channels": [{"name": "x".repeat(129)}]})),
        ("channels[0].unit", json!({"channels": [{"name": "x", "unit": "m".repeat(129)}]})),
        ("channels[1].name", json!({"channels": [{"name": "x"}, {"name": "x"}]})),
        (
            "channels",
            json!({"channels": [{"name": "x", "align": {"method": "hold", "age_max_ms": 1}}]}),
        ),
        ("channels[1].align", json!({"channels": slow("hold", 1), "rate": "none"})),
        ("channels[1].align.age_max_ms", json!({"channels": slow("hold", 0)})),
        ("channels[1].align.age_max_ms", json!({"channels": slow("hold", 3_600_001)})),
        ("channels[1].align.age_max_ms", json!({"channels": slow("linear", 3_600_000)})),
        ("rate.fixed.hz", json!({"rate": rate(0.0, 0.1)})),
        ("rate.fixed.hz", json!({"rate": rate(-1.0, 0.1)})),
        ("rate.fixed.hz", json!({"rate": rate(1.1e6, 0.1)})),
        ("rate.fixed.tolerance", json!({"rate": rate(1.0, -0.1)})),
        ("rate.fixed.tolerance", json!({"rate": rate(1.0, 0.51)})),
        (
            "rate.fixed.mismatch",
            json!({"time": "arrival", "rate": {"fixed": {"hz": 1.0, "mismatch": "resample"}}}),
        ),
        ("lateness_ms", json!({"lateness_ms": 600_001})),
        ("lateness_ms", json!({"lateness_ms": 70_000, "rate": rate(1e3, 0.1)})),
        ("window.length_samples", json!({"window": window(0, 1)})),
        ("window.length_samples", json!({"window": window(65_537, 1)})),
        ("window.length_samples", json!({"channels": many(3), "window": window(30_000, 1)})),
        ("window.stride_samples", json!({"window": window(10, 0)})),
        ("window.stride_samples", json!({"window": window(10, 161)})),
        ("gap.max_samples", json!({"gap": {"max_samples": 1}})),
        ("gap.fill", json!({"gap": {"fill": "hold"}})),
        ("gap.max_samples", json!({"gap": {"fill": "hold", "max_samples": 5}})),
        ("gap.interval_max_ms", json!({"gap": {"interval_max_ms": 1}})),
        ("gap.interval_max_ms", json!({"gap": {"interval_max_ms": 0}, "rate": "none"})),
        (
            "gap.interval_max_ms",
            json!({"gap": {"interval_max_ms": 31_536_000_001_u64}, "rate": "none"}),
        ),
        ("features", json!({"features": (0..4097).map(|n| n.to_string()).collect::<Vec<_>>()})),
        ("features[1]", json!({"features": ["x.mean", "x.mean"]})),
    ];
    for (field, changes) in cases {
        let (found, message) = refusal(changes);
        assert_eq!(found, field, "{message}");
        assert!(message.contains(field) && message.contains("; "), "{message}");
    }
}

#[test]
fn a_rate_that_is_no_number_is_refused() {
    for hz in [f64::NAN, f64::INFINITY] {
        let mut pipeline = pipeline(json!({}));
        pipeline.rate = Rate::Fixed { hz, tolerance: 0.05, mismatch: Default::default() };
        assert_eq!(pipeline.check().unwrap_err().field, "rate.fixed.hz");
    }
}

#[test]
fn a_message_says_what_to_change() {
    let (_, message) = refusal(json!({"lateness_ms": 70_000, "rate": {"fixed": {"hz": 1e3}}}));
    assert_eq!(
        message,
        "pipeline field `lateness_ms`: found 70000 ms at 1000 Hz; wait at most 65536 ms: no more \
         than 65536 samples are held back"
    );
}

#[test]
fn unknown_fields_are_refused_by_name() {
    let mut json = serde_json::to_value(pipeline(json!({}))).unwrap();
    json["gap"]["max_sample"] = json!(1);
    let error = serde_json::from_value::<Pipeline>(json).unwrap_err().to_string();
    assert!(error.contains("max_sample"), "{error}");
}
