#![no_main]
//! Files of other programs: what is taken in can be wrapped, and is an ONNX file that can be taken in again.

use std::sync::LazyLock;

use model_format::artifact::{AdoptedAnswer, Batch, Foreign, Wrapping};
use model_format::manifest::{InputReading, Manifest};

/// A regression over windows of five samples and three channels.
static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let digest = "0".repeat(64);
    serde_json::from_value(serde_json::json!({
        "format_version": 2, "task": "regression", "features": [], "target": {"name": "sum"},
        "pipeline": {
            "channels": [{"name": "x"}, {"name": "y"}, {"name": "z"}], "rate": "none", "features": [],
            "window": {"length_samples": 5, "stride_samples": 1},
        },
        "baseline": {"channels": [], "features": []},
        "lineage": {
            "dataset_version": digest, "estimator": "adopted", "parameters": {}, "split": null,
            "seed": 0, "training_version": "1",
        },
        "lineage_id": digest,
    }))
    .expect("it is written as its type says")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(foreign) = Foreign::read(data) else { return };
    for reading in InputReading::ALL {
        let wrapping = Wrapping {
            manifest: &MANIFEST,
            reading,
            output: &foreign.outputs()[0].name,
            answer: AdoptedAnswer::Regression,
            batch: Batch::Symbolic,
        };
        let wrapped = foreign.wrap(&wrapping).expect("a small file stays one");
        let again = Foreign::read(&wrapped).expect("what is wrapped has our input and outputs");
        assert_eq!((&*again.input().name, &*again.outputs()[0].name), ("windows", "value"));
    }
});
