//! From the nodes of a graph to the steps of a program: order, names, operators and lifetimes.

use std::collections::HashMap;

use super::{Program, ProgramError, Spec, Step, VALUES_MAX};
use crate::onnx::op::{Attributes, Inputs, Kernel, OPERATORS, Operator};
use crate::onnx::proto::{GraphProto, NodeProto, OperatorSetIdProto};
use crate::onnx::tensor::Tensor;

/// Collects the steps of a program.
pub(super) struct Compiler<'a> {
    program: Program,
    /// Slot of each value.
    known: HashMap<&'a str, usize>,
    dimension_names: Vec<String>,
    /// The step that last reads, or else sets, each slot.
    last_reader: Vec<Option<usize>>,
    /// Whether a slot keeps its value: inputs, constants and outputs of the graph.
    lasting: Vec<bool>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(graph: &'a GraphProto) -> Result<Self, ProgramError> {
        let mut compiler = Compiler {
            program: Program {
                inputs: Vec::new(),
                outputs: Vec::new(),
                steps: Vec::new(),
                slots: Vec::new(),
                named: Vec::new(),
                fixed_bytes: 0,
            },
            known: HashMap::new(),
            dimension_names: Vec::new(),
            last_reader: Vec::new(),
            lasting: Vec::new(),
        };
        for input in &graph.input {
            let spec = Spec::of(input, &mut compiler.dimension_names)?;
            compiler.program.inputs.push(spec);
            compiler.slot(&input.name, Tensor::default())?;
        }
        for initializer in &graph.initializer {
            let tensor = Tensor::from_proto(initializer).map_err(|source| {
                ProgramError::Constant { name: initializer.name.clone(), source }
            })?;
            compiler.program.fixed_bytes += tensor.bytes();
            compiler.slot(&initializer.name, tensor)?;
        }
        compiler.lasting.fill(true);
        Ok(compiler)
    }

    /// A new slot for the value `name`, which may be empty.
    fn slot(&mut self, name: &'a str, tensor: Tensor) -> Result<usize, ProgramError> {
        let slot = self.program.slots.len();
        if slot == VALUES_MAX {
            return Err(ProgramError::Values(slot + 1));
        }
        if !name.is_empty() && self.known.insert(name, slot).is_some() {
            return Err(ProgramError::Twice(name.to_owned()));
        }
        self.program.slots.push(tensor);
        self.last_reader.push(None);
        self.lasting.push(false);
        Ok(slot)
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn operator(
        &mut self,
        at: usize,
        node: &'a NodeProto,
        opsets: &[OperatorSetIdProto],
    ) -> Result<(), ProgramError> {
        let label = label(at, node);
        let operator = find(node).ok_or_else(|| ProgramError::Operator {
            node: label.clone(),
            domain: node.domain.clone(),
            name: node.op_type.clone(),
        })?;
        let found = opsets.iter().find(|set| set.domain == operator.domain);
        let found = found.map_or(0, |set| set.version);
        let (min, max) = (operator.opset_min, operator.opset_max);
        if found < min || found > max {
            let domain = operator.domain.to_owned();
            return Err(ProgramError::Opset { node: label, domain, found, min, max });
        }
        for (what, found, min, max) in [
            ("inputs", node.input.len(), operator.inputs_min, operator.inputs_max),
            ("outputs", node.output.len(), 1, operator.outputs),
        ] {
            if found < min || found > max {
                return Err(ProgramError::Arity { node: label, what, found, min, max });
            }
        }
        let mut attributes = Attributes::new(&node.attribute);
        let mut kernel = (operator.prepare)(&mut attributes)
            .and_then(|kernel| attributes.finish().map(|()| kernel))
            .map_err(|source| ProgramError::Node { node: label.clone(), source })?;
        if node.input.is_empty() {
            // A constant is evaluated once and then stays.
            let mut value = [Tensor::default()];
            kernel(Inputs::new(&[], &[]), &mut value)
                .map_err(|source| ProgramError::Node { node: label, source })?;
            let [value] = value;
            self.program.fixed_bytes += value.bytes();
            let slot = self.slot(&node.output[0], value)?;
            self.lasting[slot] = true;
            return Ok(());
        }
        self.step(label, node, (operator.unread, operator.outputs), kernel)
    }

    pub(super) fn native(
        &mut self,
        at: usize,
        node: &'a NodeProto,
        kernel: Kernel,
    ) -> Result<(), ProgramError> {
        self.step(label(at, node), node, (0, node.output.len()), kernel)
    }

    fn step(
        &mut self,
        label: String,
        node: &'a NodeProto,
        (unread, outputs): (usize, usize),
        kernel: Kernel,
    ) -> Result<(), ProgramError> {
        let step = self.program.steps.len();
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            if name.is_empty() {
                inputs.push(None);
                continue;
            }
            let slot = *self.known.get(name.as_str()).ok_or_else(|| ProgramError::Unset {
                reader: format!("node {label}"),
                value: name.clone(),
            })?;
            self.last_reader[slot] = Some(step);
            inputs.push(Some(slot));
        }
        let output_start = self.program.slots.len();
        for at in 0..outputs {
            // Without a name a value cannot be read.
            let name = node.output.get(at).filter(|_| at >= unread).map_or("", String::as_str);
            let slot = self.slot(name, Tensor::default())?;
            // What nobody reads is done with at once.
            self.last_reader[slot] = Some(step);
        }
        let output_end = self.program.slots.len();
        let last_used = Vec::new();
        let step = Step { label, kernel, inputs, output_start, output_end, last_used };
        self.program.steps.push(step);
        Ok(())
    }

    pub(super) fn finish(mut self, graph: &GraphProto) -> Result<Program, ProgramError> {
        for output in &graph.output {
            let spec = Spec::of(output, &mut self.dimension_names)?;
            let slot = self.known.get(output.name.as_str());
            let slot = *slot.ok_or_else(|| ProgramError::Unset {
                reader: "the list of outputs".to_owned(),
                value: output.name.clone(),
            })?;
            self.lasting[slot] = true;
            self.program.outputs.push((spec, slot));
        }
        for (slot, reader) in self.last_reader.iter().enumerate() {
            if let Some(step) = reader.filter(|_| !self.lasting[slot]) {
                self.program.steps[step].last_used.push(slot);
            }
        }
        self.program.named = vec![None; self.dimension_names.len()];
        Ok(self.program)
    }
}

fn find(node: &NodeProto) -> Option<&'static Operator> {
    let found = OPERATORS.iter().find(|op| op.domain == node.domain && op.name == node.op_type);
    found.copied()
}

/// Name and operator of a node, for messages.
fn label(at: usize, node: &NodeProto) -> String {
    let name = if node.name.is_empty() { format!("number {at}") } else { node.name.clone() };
    format!("{name:.80} ({:.40})", node.op_type)
}
