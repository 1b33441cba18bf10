//! `DFT` (opset 17): discrete Fourier transform.

use super::shape::{Shape, around, axis_position};
use super::{Attributes, Inputs, Kernel, OpError, Operator};
use crate::onnx::graph::{GraphBuilder, Value, attribute_int};
use crate::onnx::tensor::{Element, Scalar, Tensor};
use crate::signal::spectrum::transform::Transform;

/// Name, versions and evaluation.
pub(super) const OPERATOR: Operator = Operator::new("DFT", (17, 17), (1, 2), prepare);

/// The longest transform.
const LENGTH_MAX: usize = 1 << 20;

impl GraphBuilder {
    /// The transform along axis -2 of `x`, shape `[…, n, 1]`: all n bins, shape `[…, n, 2]`, real
    /// and imaginary part last. Runtimes differ in `onesided` and in positive axes; this form they
    /// all have.
    pub fn dft(&mut self, x: &Value) -> Value {
        self.node("", "DFT", &[x], vec![attribute_int("axis", -2)])
    }
}

/// What a node keeps from run to run.
struct Dft {
    axis: i64,
    inverse: bool,
    onesided: bool,
    /// Prepared for the length of the last run.
    transform: Option<(usize, Transform)>,
    re: Vec<f64>,
    im: Vec<f64>,
}

fn prepare(attributes: &mut Attributes<'_>) -> Result<Kernel, OpError> {
    let mut dft = Dft {
        axis: attributes.int("axis", 1)?,
        inverse: attributes.flag("inverse", false)?,
        onesided: attributes.flag("onesided", false)?,
        transform: None,
        re: Vec::new(),
        im: Vec::new(),
    };
    Ok(Box::new(move |inputs, outputs| match inputs.get(0)?.element() {
        Element::F32 => dft.run::<f32>(inputs, &mut outputs[0], |x| x as f32),
        Element::F64 => dft.run::<f64>(inputs, &mut outputs[0], |x| x),
        found => Err(OpError::ElementType { input: 0, found, accepted: "float32 or float64" }),
    }))
}

/// Where the numbers of a sequence lie: `outer` blocks of `given` × `inner` × `parts` values.
struct Layout {
    axis: usize,
    outer: usize,
    given: usize,
    inner: usize,
    parts: usize,
    length: usize,
}

impl Layout {
    fn of(inputs: Inputs<'_>, axis: i64) -> Result<Self, OpError> {
        let shape = inputs.get(0)?.shape();
        let axis = axis_position(axis, shape.len())?;
        let parts = shape[shape.len() - 1];
        if axis + 1 == shape.len() || !(1..=2).contains(&parts) {
            let problem = format!(
                "the shape {shape:?} does not end in the axis of 1 or 2 parts behind axis {axis}"
            );
            return Err(OpError::Shape(problem));
        }
        let (outer, given, inner) = around(shape, axis);
        let length = match inputs.optional(1) {
            None => given as i64,
            Some(_) => inputs.elements::<i64>(1)?.first().copied().unwrap_or(0),
        };
        let length = (usize::try_from(length).ok())
            .filter(|length| (1..=LENGTH_MAX).contains(length))
            .ok_or_else(|| OpError::Shape(format!("a transform of length {length}")))?;
        Ok(Layout { axis, outer, given, inner: inner / parts, parts, length })
    }
}

impl Dft {
    fn run<T: Scalar + Into<f64>>(
        &mut self,
        inputs: Inputs<'_>,
        output: &mut Tensor,
        narrow: impl Fn(f64) -> T,
    ) -> Result<(), OpError> {
        let (x, shape) = (inputs.elements::<T>(0)?, inputs.get(0)?.shape());
        let Layout { axis, outer, given, inner, parts, length } = Layout::of(inputs, self.axis)?;
        let bins = if self.onesided { length / 2 + 1 } else { length };
        let mut result = Shape::of(shape)?;
        result[axis] = bins;
        result[shape.len() - 1] = 2;
        let out = output.reset::<T>(&result)?;
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            let start = |at: usize| ((o * given + at) * inner + i) * parts;
            let kept = length.min(given);
            self.re.clear();
            self.re.extend((0..kept).map(|at| -> f64 { x[start(at)].into() }));
            self.re.resize(length, 0.0);
            self.im.clear();
            if parts == 2 {
                self.im.extend((0..kept).map(|at| -> f64 { x[start(at) + 1].into() }));
            }
            self.im.resize(length, 0.0);
            self.transform(length);
            for at in 0..bins {
                let start = ((o * bins + at) * inner + i) * 2;
                out[start] = narrow(self.re[at]);
                out[start + 1] = narrow(self.im[at]);
            }
        }
        Ok(())
    }

    fn transform(&mut self, length: usize) {
        if self.transform.as_ref().is_none_or(|(known, _)| *known != length) {
            self.transform = Some((length, Transform::new(length)));
        }
        let Some((_, transform)) = &mut self.transform else { return };
        if self.inverse {
            // Swapping the parts before and after turns one direction into the other.
            transform.forward(&mut self.im, &mut self.re);
            let parts = self.re.iter_mut().chain(&mut self.im);
            parts.for_each(|x| *x /= length as f64);
        } else {
            transform.forward(&mut self.re, &mut self.im);
        }
    }
}
