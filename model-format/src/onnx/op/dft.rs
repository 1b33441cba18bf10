//! `DFT` (opset 17): discrete Fourier transform.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftDirection, FftPlannerScalar};
use std::collections::HashMap;
use std::sync::Arc;

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Element, Scalar, Tensor};

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("DFT", (17, 17), (1, 2), prepare);

/// The longest transform.
const LENGTH_MAX: usize = 1 << 20;
/// How many plans one node keeps: its input has one length in all but foreign graphs.
const PLANS_MAX: usize = 4;

impl GraphBuilder {
    /// The transform along axis -2 of `x`, shape `[…, n, 1]`: all n bins, shape `[…, n, 2]`, real
    /// and imaginary part last. Runtimes differ in `onesided` and in positive axes; this form they
    /// all have.
    pub fn dft(&mut self, x: &Value) -> Value {
        self.node("", "DFT", &[x], vec![attribute_int("axis", -2)])
    }
}

/// What a node keeps from run to run.
struct Transform {
    axis: i64,
    inverse: bool,
    onesided: bool,
    planner: FftPlannerScalar<f64>,
    plans: HashMap<usize, Arc<dyn Fft<f64>>>,
    line: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let mut transform = Transform {
        axis: attributes.int("axis", 1)?,
        inverse: attributes.flag("inverse", false)?,
        onesided: attributes.flag("onesided", false)?,
        planner: FftPlannerScalar::new(),
        plans: HashMap::new(),
        line: Vec::new(),
        scratch: Vec::new(),
    };
    Ok(Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        Element::F32 => transform.run::<f32>(inputs, &mut outputs[0], |x| x as f32),
        Element::F64 => transform.run::<f64>(inputs, &mut outputs[0], |x| x),
        found => Err(OpError::ElementType { input: 0, found, accepted: "float32 or float64" }),
    }))
}

impl Transform {
    fn run<T: Scalar + Into<f64>>(
        &mut self,
        inputs: Inputs<'_>,
        output: &mut Tensor,
        narrow: impl Fn(f64) -> T,
    ) -> Result<(), OpError> {
        let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
        let axis = axis_position(self.axis, shape.len())?;
        let parts = shape[shape.len() - 1];
        if axis + 1 == shape.len() || !(1..=2).contains(&parts) {
            let problem = format!(
                "the shape {shape:?} does not end in the axis of 1 or 2 parts behind axis {axis}"
            );
            return Err(OpError::Shape(problem));
        }
        let (outer, given, inner) = around(shape, axis);
        let inner = inner / parts;
        let length = match inputs.optional(1) {
            None => given as i64,
            Some(_) => inputs.elements::<i64>(1)?.first().copied().unwrap_or(0),
        };
        let length = (usize::try_from(length).ok())
            .filter(|length| (1..=LENGTH_MAX).contains(length))
            .ok_or_else(|| OpError::Shape(format!("a transform of length {length}")))?;
        let bins = if self.onesided { length / 2 + 1 } else { length };
        let mut result = Shape::of(shape)?;
        result[axis] = bins;
        result[shape.len() - 1] = 2;
        let out = output.reset::<T>(&result)?;
        let plan = self.plan(length);
        let scale = if self.inverse { 1.0 / length as f64 } else { 1.0 };
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            self.line.clear();
            self.line.extend((0..length.min(given)).map(|at| {
                let start = ((o * given + at) * inner + i) * parts;
                let imaginary = if parts == 2 { x[start + 1].into() } else { 0.0 };
                Complex::new(x[start].into(), imaginary)
            }));
            self.line.resize(length, Complex::default());
            plan.process_with_scratch(&mut self.line, &mut self.scratch);
            for (at, bin) in self.line[..bins].iter().enumerate() {
                let start = ((o * bins + at) * inner + i) * 2;
                out[start] = narrow(bin.re * scale);
                out[start + 1] = narrow(bin.im * scale);
            }
        }
        Ok(())
    }

    fn plan(&mut self, length: usize) -> Arc<dyn Fft<f64>> {
        if self.plans.len() >= PLANS_MAX && !self.plans.contains_key(&length) {
            self.plans.clear();
            self.planner = FftPlannerScalar::new();
        }
        let direction = if self.inverse { FftDirection::Inverse } else { FftDirection::Forward };
        let planner = &mut self.planner;
        let plan = self.plans.entry(length).or_insert_with(|| planner.plan_fft(length, direction));
        self.scratch
            .resize(plan.get_inplace_scratch_len().max(self.scratch.len()), Complex::default());
        Arc::clone(plan)
    }
}
