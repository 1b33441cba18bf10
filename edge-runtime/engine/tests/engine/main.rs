//! The engines on artifacts and on other models: agreement, refusals, proofs.
//!
//! With the feature `ort` these tests need the library of ONNX Runtime in `ORT_DYLIB_PATH`; they
//! fail without it rather than pass unseen.

mod adopted;
mod agreement;
mod body;
mod features;
mod foreign;
mod proof;
mod readings;
mod sample;

use engine::{Engine, EngineKind, Outputs};

/// The engines of this build.
fn engines() -> Vec<EngineKind> {
    let engines = engine::available();
    if cfg!(feature = "ort") {
        assert!(
            engines.contains(&EngineKind::Ort),
            "ONNX Runtime is needed: run `make setup`, then set ORT_DYLIB_PATH to \
             .venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* \
             (`make test` does)"
        );
    }
    engines
}

/// Loads a model or fails with the reason.
fn load(kind: EngineKind, bytes: &[u8]) -> Box<dyn Engine> {
    engine::load(kind, bytes).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// The answers for these windows in one call.
fn run(engine: &mut dyn Engine, windows: &[Vec<f32>]) -> Outputs {
    let kind = engine.kind();
    engine.run(&windows.concat(), windows.len()).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// The largest difference, relative to 1 or the reference where that is larger.
fn distance(reference: &[f32], found: &[f32]) -> f64 {
    assert_eq!(reference.len(), found.len());
    let each = reference.iter().zip(found).map(|(&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        (a - b).abs() / a.abs().max(1.0)
    });
    each.fold(0.0, f64::max)
}
