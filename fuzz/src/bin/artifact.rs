#![no_main]
//! The ONNX reader: what it accepts can be run, and is read the same each time.

use model_format::artifact::Artifact;
use model_format::onnx::tensor::Tensor;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(artifact) = Artifact::read(data) else { return };
    let again = Artifact::read(data).expect("it was read before");
    assert_eq!(artifact.sha256(), again.sha256());
    assert_eq!(artifact.manifest(), again.manifest());
    let pipeline = &artifact.manifest().pipeline;
    let samples = pipeline.window.length_samples as usize;
    let shape = [1, samples, pipeline.channels.len()];
    // The graph of another program is for the engines.
    let Some(own) = artifact.own() else { return };
    let mut program = own.program();
    for golden in artifact.golden() {
        // A changed constant may well lead to another answer; it must be an answer.
        let _ = program.run(&[Tensor::f32(shape, golden.window.clone())]);
    }
});
