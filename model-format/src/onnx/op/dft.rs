//! `DFT` (opset 17): discrete Fourier transform of a real sequence.

use crate::onnx::graph::{GraphBuilder, Value, attribute_int};

impl GraphBuilder {
    /// The transform along axis -2 of `x`, shape `[…, n, 1]`: all n bins, shape `[…, n, 2]`, real
    /// and imaginary part last. Runtimes differ in `onesided` and in positive axes; this form they
    /// all have.
    pub fn dft(&mut self, x: &Value) -> Value {
        self.node("", "DFT", &[x], vec![attribute_int("axis", -2)])
    }
}
