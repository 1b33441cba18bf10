//! Every kind of artifact gives the same answers in every engine.

use engine::{EngineError, EngineKind};
use model_format::artifact::Artifact;

use crate::{distance, engines, load, run, sample};

const LENGTH: usize = 64;
/// On equal features engines agree to this.
const TOLERANCE: f64 = 1e-6;

#[test]
fn engines_agree_on_every_kind_of_artifact() {
    let windows = sample::plain_windows(LENGTH);
    for (name, bytes) in sample::every_kind(LENGTH) {
        let reference = run(load(EngineKind::Native, &bytes).as_mut(), &windows);
        assert_eq!(reference.floats.len(), windows.len() * reference.width);
        assert!(reference.floats.iter().all(|value| value.is_finite()), "{name}");
        for kind in engines() {
            let found = run(load(kind, &bytes).as_mut(), &windows);
            let distance = distance(&reference.floats, &found.floats);
            println!("{name}, {kind}: {distance:.1e}");
            assert_eq!(found.width, reference.width, "{name}, {kind}");
            assert!(distance <= TOLERANCE, "{name}, {kind}: {distance:e}");
            assert_eq!(found.labels, reference.labels, "{name}, {kind}");
        }
    }
}

#[test]
fn the_number_of_windows_in_a_call_changes_no_answer() {
    let windows = sample::plain_windows(LENGTH);
    for (name, bytes) in sample::every_kind(LENGTH) {
        for kind in engines() {
            let mut engine = load(kind, &bytes);
            let together = run(engine.as_mut(), &windows);
            for count in [1, 7] {
                let mut floats = Vec::new();
                for part in windows.chunks(count) {
                    floats.extend(run(engine.as_mut(), part).floats);
                }
                // Other engines choose their matrix kernels by size; ours gives the same bits.
                let limit = if kind == EngineKind::Native { 0.0 } else { TOLERANCE };
                let distance = distance(&together.floats, &floats);
                assert!(distance <= limit, "{name}, {kind}, {count} at a time: {distance:e}");
            }
            let many = windows.iter().cycle().take(600).cloned().collect::<Vec<_>>();
            let many = run(engine.as_mut(), &many);
            let distance = distance(&together.floats, &many.floats[..together.floats.len()]);
            assert!(distance <= TOLERANCE, "{name}, {kind}, 600 at a time: {distance:e}");
        }
    }
}

#[test]
fn golden_outputs_are_repeated_bit_for_bit_by_the_native_engine() {
    for (name, bytes) in sample::every_kind(LENGTH) {
        let artifact = Artifact::read(&bytes).unwrap();
        let mut engine = load(EngineKind::Native, &bytes);
        for golden in artifact.golden() {
            let found = run(engine.as_mut(), std::slice::from_ref(&golden.window));
            assert_eq!(found.floats, golden.floats, "{name}");
            assert_eq!(found.labels.map(|labels| labels[0]), golden.label, "{name}");
        }
    }
}

#[test]
fn a_bad_call_is_refused_alike_by_every_engine() {
    let (_, bytes) = sample::every_kind(LENGTH).remove(0);
    for kind in engines() {
        let mut engine = load(kind, &bytes);
        assert_eq!(engine.layout().window_shape, [LENGTH, 2]);
        let mut windows = vec![0.5; 3 * LENGTH * 2];
        assert!(matches!(engine.run(&windows, 2), Err(EngineError::Length { found: 384, .. })));
        windows[2 * LENGTH * 2 + 2 * 9 + 1] = f32::NAN;
        let text = engine.run(&windows, 3).unwrap_err().to_string();
        assert!(text.contains("window 2, sample 9, channel b is NaN"), "{kind}: {text}");
        assert!(engine.run(&[], 0).unwrap().floats.is_empty());
    }
}

#[test]
fn broken_bytes_are_refused_by_every_engine() {
    let (_, bytes) = sample::every_kind(LENGTH).remove(0);
    for kind in engines() {
        for broken in [&bytes[..bytes.len() / 2], b"no model", b""] {
            assert!(engine::load(kind, broken).is_err(), "{kind}");
        }
    }
}

#[cfg(not(feature = "ort"))]
#[test]
fn an_engine_that_is_not_built_in_says_which_feature_is_missing() {
    let Err(error) = engine::load(EngineKind::Ort, &[]) else { panic!("it is not built in") };
    assert!(error.to_string().contains("`--features ort`"), "{error}");
}
