//! All features: the fused kernel against the body in the file, in every engine.

use std::collections::BTreeMap;

use engine::EngineKind;
use model_format::artifact::Artifact;
use model_format::onnx::program::Program;
use model_format::onnx::tensor::Tensor;
use model_format::signal::features::FeaturePlan;

use crate::sample;

/// The agreed tolerance, of each feature's declared scale.
const TOLERANCE: f64 = 1e-6;
/// Powers of two, composite and prime lengths.
const LENGTHS: [usize; 4] = [64, 100, 31, 256];

/// A model that answers with its features.
struct Case {
    artifact: Artifact,
    bytes: Vec<u8>,
    windows: Vec<(&'static str, Vec<f32>)>,
    plan: FeaturePlan,
}

impl Case {
    fn new(length_samples: usize) -> Case {
        let bytes = sample::features_only(length_samples);
        let artifact = Artifact::read(&bytes).unwrap();
        assert!(artifact.own().unwrap().has_kernel());
        let plan = FeaturePlan::new(&artifact.manifest().pipeline).unwrap();
        Case { artifact, bytes, windows: sample::windows(length_samples), plan }
    }

    /// The model without our metadata and without functions, as any other model.
    #[cfg(any(feature = "tract", feature = "ort"))]
    fn inlined(&self) -> Vec<u8> {
        let mut model =
            model_format::onnx::inline::inline_functions(self.artifact.own().unwrap().model())
                .unwrap();
        model.metadata_props.clear();
        prost::Message::encode_to_vec(&model)
    }

    /// Compares `body`'s answers with the kernel's; prints the largest differences of each feature.
    fn check(&mut self, what: &str, mut body: impl FnMut(&[f32]) -> Vec<f32>) {
        let names = self.plan.names().to_vec();
        let mut worst: BTreeMap<String, (f64, &str)> = BTreeMap::new();
        for (kind, window) in &self.windows {
            let mut kernel = vec![0.0; names.len()];
            self.plan.compute(window, &mut kernel);
            let scales = self.plan.scales(window);
            let found = body(window);
            assert_eq!(found.len(), kernel.len());
            for (at, name) in names.iter().enumerate() {
                let error = (f64::from(found[at]) - f64::from(kernel[at])).abs() / scales[at];
                let error = if error.is_nan() { f64::INFINITY } else { error };
                let feature = name.split('.').nth(1).unwrap().to_owned();
                let known = worst.entry(feature).or_insert((0.0, kind));
                if error > known.0 {
                    *known = (error, kind);
                }
            }
        }
        let windows = self.windows.len();
        for (feature, (error, kind)) in worst.iter().filter(|(_, (error, _))| *error > 0.0) {
            println!(
                "{what}, {windows} windows: {feature} differs by {error:.1e} of its scale ({kind})"
            );
        }
        let beyond: Vec<_> = worst.iter().filter(|(_, (error, _))| *error > TOLERANCE).collect();
        assert!(beyond.is_empty(), "{what}: beyond {TOLERANCE:.0e} of the scale: {beyond:?}");
    }

    fn check_engine(&mut self, kind: EngineKind, bytes: &[u8], what: &str) {
        let mut engine = crate::load(kind, bytes);
        self.check(what, |window| crate::run(engine.as_mut(), &[window.to_vec()]).floats);
    }
}

#[test]
fn the_native_engine_answers_with_the_kernel() {
    for length in LENGTHS {
        let mut case = Case::new(length);
        let bytes = case.bytes.clone();
        case.check_engine(EngineKind::Native, &bytes, &format!("native, {length}"));
    }
}

#[test]
fn the_body_agrees_with_the_kernel_in_native_evaluation() {
    for length in LENGTHS {
        let mut case = Case::new(length);
        let model = case.artifact.own().unwrap().model().clone();
        let graph = model.graph.as_ref().unwrap();
        let mut program =
            Program::compile(graph, &model.functions, &model.opset_import, Vec::new()).unwrap();
        case.check(&format!("body, native, {length}"), |window| {
            let input = Tensor::f32([1, length, 2], window.to_vec());
            program.run(&[input]).unwrap()[0].as_f32().unwrap().to_vec()
        });
    }
}

#[cfg(feature = "tract")]
#[test]
fn the_kernel_and_the_inlined_body_agree_in_tract() {
    for length in LENGTHS {
        let mut case = Case::new(length);
        let (kernel, body) = (case.bytes.clone(), case.inlined());
        case.check_engine(EngineKind::Tract, &kernel, &format!("kernel, tract, {length}"));
        case.check_engine(EngineKind::Tract, &body, &format!("body, tract, {length}"));
    }
}

#[cfg(feature = "ort")]
#[test]
fn the_body_agrees_with_the_kernel_in_onnx_runtime() {
    crate::engines();
    for length in LENGTHS {
        let mut case = Case::new(length);
        let (function, body) = (case.bytes.clone(), case.inlined());
        case.check_engine(EngineKind::Ort, &function, &format!("function, ort, {length}"));
        case.check_engine(EngineKind::Ort, &body, &format!("inlined body, ort, {length}"));
    }
}
