//! The evaluator: a checked graph as a list of steps over reused buffers.

use std::collections::HashMap;

use super::inline::{InlineError, expand};
use super::op::{Attributes, Inputs, Kernel, OPERATORS, OpError, Operator};
use super::proto::{
    Dimension, FunctionProto, GraphProto, NodeProto, OperatorSetIdProto, ValueInfoProto,
};
use super::tensor::{Element, Tensor, TensorError};

/// The most bytes that all values of a run may take at one time.
pub const LIVE_BYTES_MAX: usize = 1 << 30;
/// A buffer up to this size is kept for the next run; a larger one is freed after its last use.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// The most inputs, initializers and node outputs together.
const VALUES_MAX: usize = 500_000;

/// A kernel that stands in for calls of a model-local function.
pub struct Native {
    /// Domain of the call.
    pub domain: String,
    /// Name of the function.
    pub name: String,
    /// What runs instead of the body.
    pub kernel: Kernel,
}

/// A graph that is ready to run.
pub struct Program {
    inputs: Vec<Spec>,
    outputs: Vec<(Spec, usize)>,
    steps: Vec<Step>,
    /// Inputs, constants, then the outputs of the steps in order.
    slots: Vec<Tensor>,
    /// Sizes of the named dimensions in this run.
    named: Vec<Option<usize>>,
    fixed_bytes: usize,
}

/// What a graph declares about an input or output.
struct Spec {
    name: String,
    element: Element,
    dims: Option<Vec<Dim>>,
}

/// A declared dimension.
#[derive(Clone, Copy)]
enum Dim {
    Any,
    Fixed(usize),
    /// Position in the program's list of named dimensions.
    Named(usize),
}

struct Step {
    label: String,
    kernel: Kernel,
    inputs: Vec<Option<usize>>,
    output_start: usize,
    output_end: usize,
    /// Slots that no later step reads.
    last_used: Vec<usize>,
}

/// Why a graph cannot be compiled or run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A function that cannot be inlined.
    #[error(transparent)]
    Inline(#[from] InlineError),
    /// A node that cannot be prepared or evaluated.
    #[error("node {node}: {source}")]
    Node {
        /// Name and operator of the node.
        node: String,
        /// What is wrong with it.
        source: OpError,
    },
    /// An operator outside the closed set.
    #[error("node {node}: the operator {name:.80} of the set {domain:?} is not accepted")]
    Operator {
        /// Name of the node.
        node: String,
        /// Its operator set.
        domain: String,
        /// Its operator.
        name: String,
    },
    /// An operator set in a version that the operator is not known in.
    #[error(
        "node {node}: the operator set {domain:?} is imported as version {found}; versions \
         {min} to {max} are accepted"
    )]
    Opset {
        /// Name and operator of the node.
        node: String,
        /// The operator set.
        domain: String,
        /// Its version in the file, 0 where it is not imported.
        found: i64,
        /// The first accepted version.
        min: i64,
        /// The last accepted version.
        max: i64,
    },
    /// A node with too few or too many inputs or outputs.
    #[error("node {node}: {found} {what}; {min} to {max} are accepted")]
    Arity {
        /// Name and operator of the node.
        node: String,
        /// Inputs or outputs.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A value that is read before, or without, being set.
    #[error("{reader} reads the value {value:.80}, which nothing before it sets")]
    Unset {
        /// Who reads.
        reader: String,
        /// The value.
        value: String,
    },
    /// Two values of one name.
    #[error("the value {0:.80} is set twice")]
    Twice(String),
    /// Too many values.
    #[error("the graph has {0} values; at most {VALUES_MAX} are accepted")]
    Values(usize),
    /// A constant that cannot be read.
    #[error("the constant {name:.80}: {source}")]
    Constant {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: TensorError,
    },
    /// An input or output whose declaration is incomplete or not acceptable.
    #[error("the graph declares {0:.80} without an acceptable type")]
    Declaration(String),
    /// Another number of inputs than the graph has.
    #[error("{found} inputs are given; the graph has {expected}")]
    InputCount {
        /// How many are given.
        found: usize,
        /// How many the graph has.
        expected: usize,
    },
    /// An input or output that is not what the graph declares.
    #[error("{name} is {element} of shape {shape:?}; the graph declares {declared}")]
    Declared {
        /// Its name.
        name: String,
        /// Its element type.
        element: Element,
        /// Its shape.
        shape: Vec<usize>,
        /// What the graph says.
        declared: String,
    },
    /// An input that is too large.
    #[error(transparent)]
    Input(#[from] TensorError),
    /// Too many bytes at one time.
    #[error(
        "node {node}: the values take {found} bytes; at most {LIVE_BYTES_MAX} are accepted: \
         give fewer windows at a time"
    )]
    Memory {
        /// Name and operator of the node.
        node: String,
        /// Bytes after the node.
        found: usize,
    },
}

impl Program {
    /// Compiles a graph over the closed operator set.
    ///
    /// Calls of `functions` run the kernel of the same domain and name in `natives`, else the
    /// body. `opsets` are the operator sets that the model imports.
    ///
    /// # Errors
    /// Names the node and what is wrong with it.
    pub fn compile(
        graph: &GraphProto,
        functions: &[FunctionProto],
        opsets: &[OperatorSetIdProto],
        natives: Vec<Native>,
    ) -> Result<Program, ProgramError> {
        let is_native = |domain: &str, name: &str| {
            natives.iter().any(|native| native.domain == domain && native.name == name)
        };
        let nodes = expand(graph, functions, opsets, |function| {
            is_native(&function.domain, &function.name)
        })?;
        let mut compiler = Compiler::new(graph)?;
        let mut natives = natives;
        for (at, node) in nodes.iter().enumerate() {
            let native = natives
                .iter()
                .position(|native| native.domain == node.domain && native.name == node.op_type);
            match native {
                // One kernel keeps one set of buffers: it stands for one call.
                Some(found) => compiler.native(at, node, natives.swap_remove(found).kernel)?,
                None => compiler.operator(at, node, opsets)?,
            }
        }
        compiler.finish(graph)
    }

    /// Names of the inputs.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|spec| spec.name.as_str())
    }

    /// Names of the outputs.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(spec, _)| spec.name.as_str())
    }

    /// Runs the program on its inputs, in the graph's order.
    ///
    /// # Errors
    /// Names the input or the node whose shapes or types do not fit.
    pub fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, ProgramError> {
        let (found, expected) = (inputs.len(), self.inputs.len());
        if found != expected {
            return Err(ProgramError::InputCount { found, expected });
        }
        self.slots[..found].clone_from_slice(inputs);
        self.execute()?;
        Ok((0..self.outputs.len()).map(|at| self.output(at).clone()).collect())
    }

    /// Runs the program on its one input of 32-bit floats, using all buffers again: read the
    /// outputs with [`Program::output`].
    ///
    /// # Errors
    /// As [`Program::run`].
    ///
    /// # Panics
    /// Where the number of values is not the product of the shape.
    pub fn run_f32(&mut self, shape: &[usize], values: &[f32]) -> Result<(), ProgramError> {
        if self.inputs.len() != 1 {
            let expected = self.inputs.len();
            return Err(ProgramError::InputCount { found: 1, expected });
        }
        self.slots[0].copy_from(shape, values)?;
        self.execute()
    }

    /// An output of the last run.
    ///
    /// # Panics
    /// Where there are not that many outputs.
    pub fn output(&self, index: usize) -> &Tensor {
        &self.slots[self.outputs[index].1]
    }

    fn execute(&mut self) -> Result<(), ProgramError> {
        self.named.fill(None);
        let mut live_bytes = self.fixed_bytes;
        for (spec, tensor) in self.inputs.iter().zip(&self.slots) {
            spec.check(tensor, &mut self.named)?;
            live_bytes += tensor.bytes();
        }
        for step in &mut self.steps {
            let (known, rest) = self.slots.split_at_mut(step.output_start);
            let outputs = &mut rest[..step.output_end - step.output_start];
            let inputs = Inputs::new(known, &step.inputs);
            (step.kernel)(inputs, outputs)
                .map_err(|source| ProgramError::Node { node: step.label.clone(), source })?;
            live_bytes += outputs.iter().map(Tensor::bytes).sum::<usize>();
            if live_bytes > LIVE_BYTES_MAX {
                let node = step.label.clone();
                return Err(ProgramError::Memory { node, found: live_bytes });
            }
            for &slot in &step.last_used {
                let bytes = self.slots[slot].bytes();
                live_bytes -= bytes;
                if bytes > KEPT_BYTES_MAX {
                    self.slots[slot] = Tensor::default();
                }
            }
        }
        for (spec, slot) in &self.outputs {
            spec.check(&self.slots[*slot], &mut self.named)?;
        }
        Ok(())
    }
}

impl Spec {
    fn of(value: &ValueInfoProto, names: &mut Vec<String>) -> Result<Self, ProgramError> {
        let refused = || ProgramError::Declaration(value.name.clone());
        let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let tensor = tensor.ok_or_else(refused)?;
        let element = Element::of_data_type(tensor.elem_type).ok_or_else(refused)?;
        let mut position = |name: &str| {
            names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            })
        };
        let dims = tensor.shape.as_ref().map(|shape| {
            let dims = shape.dim.iter().map(|dim| match &dim.value {
                None => Ok(Dim::Any),
                Some(Dimension::Value(size)) => {
                    usize::try_from(*size).map(Dim::Fixed).map_err(|_| refused())
                }
                Some(Dimension::Param(name)) => Ok(Dim::Named(position(name))),
            });
            dims.collect::<Result<Vec<Dim>, _>>()
        });
        Ok(Spec { name: value.name.clone(), element, dims: dims.transpose()? })
    }

    /// Compares a tensor with the declaration; the first use of a named dimension sets its size.
    fn check(&self, tensor: &Tensor, named: &mut [Option<usize>]) -> Result<(), ProgramError> {
        let mut fits = |(&dim, &found): (&Dim, &usize)| match dim {
            Dim::Any => true,
            Dim::Fixed(size) => size == found,
            Dim::Named(name) => *named[name].get_or_insert(found) == found,
        };
        let shape = tensor.shape();
        let shape_fits = self
            .dims
            .as_ref()
            .is_none_or(|dims| dims.len() == shape.len() && dims.iter().zip(shape).all(&mut fits));
        if tensor.element() == self.element && shape_fits {
            return Ok(());
        }
        Err(ProgramError::Declared {
            name: self.name.clone(),
            element: tensor.element(),
            shape: shape.to_vec(),
            declared: self.describe(named),
        })
    }

    fn describe(&self, named: &[Option<usize>]) -> String {
        let Some(dims) = &self.dims else { return self.element.to_string() };
        let dim = |dim: &Dim| match *dim {
            Dim::Any => "?".to_owned(),
            Dim::Fixed(size) => size.to_string(),
            Dim::Named(name) => named[name].map_or("N".to_owned(), |size| size.to_string()),
        };
        let dims: Vec<String> = dims.iter().map(dim).collect();
        format!("{} [{}]", self.element, dims.join(", "))
    }
}

/// Collects the steps of a program.
struct Compiler<'a> {
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
    fn new(graph: &'a GraphProto) -> Result<Self, ProgramError> {
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
    fn operator(
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

    fn native(
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

    fn finish(mut self, graph: &GraphProto) -> Result<Program, ProgramError> {
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
