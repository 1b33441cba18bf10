//! The evaluator: a checked graph as a list of steps over reused buffers.

use compile::Compiler;

use super::inline::{InlineError, expand};
use super::op::{Inputs, Kernel, OpError};
use super::proto::{Dimension, FunctionProto, GraphProto, OperatorSetIdProto, ValueInfoProto};
use super::tensor::{Element, Tensor, TensorError};

mod compile;

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
