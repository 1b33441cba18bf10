//! The closed operator set: one file per operator with its emission and its evaluation.

pub mod abs;
pub mod add;
pub mod and;
mod arg;
pub mod arg_max;
pub mod arg_min;
mod binary;
pub mod cast;
pub mod concat;
pub mod constant;
pub mod cum_sum;
pub mod dft;
pub mod div;
pub mod equal;
pub mod exp;
pub mod flatten;
pub mod floor;
pub mod forest;
pub mod gather;
pub mod greater;
pub mod greater_or_equal;
pub mod less;
pub mod log;
pub mod mat_mul;
pub mod max;
pub mod min;
pub mod mul;
pub mod not;
mod reduce;
pub mod reduce_max;
pub mod reduce_min;
pub mod reduce_sum;
pub mod select;
mod shape;
pub mod sigmoid;
pub mod slice;
pub mod softmax;
pub mod sqrt;
pub mod squeeze;
pub mod sub;
pub mod top_k;
pub mod transpose;
pub mod tree_ensemble;
pub mod tree_ensemble_classifier;
pub mod tree_ensemble_regressor;
mod unary;
pub mod unsqueeze;

use std::fmt;

use super::proto::{AttributeProto, AttributeType, TensorProto};
use super::tensor::{Element, Scalar, Tensor, TensorError};
use tree_ensemble::ForestError;

/// Every operator that a graph may use. Nothing outside this table is ever evaluated.
pub const OPERATORS: &[&Operator] = &[
    &abs::OPERATOR,
    &add::OPERATOR,
    &and::OPERATOR,
    &arg_max::OPERATOR,
    &arg_min::OPERATOR,
    &cast::OPERATOR,
    &concat::OPERATOR,
    &constant::OPERATOR,
    &cum_sum::OPERATOR,
    &dft::OPERATOR,
    &div::OPERATOR,
    &equal::OPERATOR,
    &exp::OPERATOR,
    &flatten::OPERATOR,
    &floor::OPERATOR,
    &gather::OPERATOR,
    &greater::OPERATOR,
    &greater_or_equal::OPERATOR,
    &less::OPERATOR,
    &log::OPERATOR,
    &mat_mul::OPERATOR,
    &max::OPERATOR,
    &min::OPERATOR,
    &mul::OPERATOR,
    &not::OPERATOR,
    &reduce_max::OPERATOR,
    &reduce_min::OPERATOR,
    &reduce_sum::OPERATOR,
    &select::OPERATOR,
    &sigmoid::OPERATOR,
    &slice::OPERATOR,
    &softmax::OPERATOR,
    &sqrt::OPERATOR,
    &squeeze::OPERATOR,
    &sub::OPERATOR,
    &top_k::OPERATOR,
    &transpose::OPERATOR,
    &tree_ensemble_classifier::OPERATOR,
    &tree_ensemble_regressor::OPERATOR,
    &unsqueeze::OPERATOR,
];

/// One operator of the closed set.
pub struct Operator {
    /// Operator set; empty for the default one.
    pub domain: &'static str,
    /// Name in a node.
    pub name: &'static str,
    /// The first version of the operator set with the semantics of [`Operator::prepare`].
    pub opset_min: i64,
    /// The last version of the operator set that is accepted.
    pub opset_max: i64,
    /// The fewest inputs.
    pub inputs_min: usize,
    /// The most inputs.
    pub inputs_max: usize,
    /// Outputs; a node may leave out the last ones.
    pub outputs: usize,
    /// How many of the first outputs nobody may read, because runtimes disagree about them.
    pub unread: usize,
    /// Reads the attributes and returns what runs.
    pub prepare: fn(&mut Attributes<'_>) -> Result<Kernel, OpError>,
}

impl Operator {
    /// An operator of the default set with one output.
    const fn new(
        name: &'static str,
        (opset_min, opset_max): (i64, i64),
        (inputs_min, inputs_max): (usize, usize),
        prepare: fn(&mut Attributes<'_>) -> Result<Kernel, OpError>,
    ) -> Self {
        Operator {
            domain: "",
            name,
            opset_min,
            opset_max,
            inputs_min,
            inputs_max,
            outputs: 1,
            unread: 0,
            prepare,
        }
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operator({:?}, {:?})", self.domain, self.name)
    }
}

/// What an operator does at run time: reads inputs, sets outputs.
pub type Kernel = Box<dyn FnMut(Inputs<'_>, &mut [Tensor]) -> Result<(), OpError> + Send>;

/// Why a node cannot be prepared or evaluated.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum OpError {
    /// An input that the operator needs is left out.
    #[error("input {0} is missing")]
    Input(usize),
    /// An input of another type.
    #[error("input {input} holds {found}; {accepted} is accepted")]
    ElementType {
        /// Position of the input.
        input: usize,
        /// Its type.
        found: Element,
        /// What the operator accepts.
        accepted: &'static str,
    },
    /// Shapes that cannot be stretched to one.
    #[error("the shapes {0:?} and {1:?} cannot be broadcast together")]
    Broadcast(Vec<usize>, Vec<usize>),
    /// An axis that the tensor does not have.
    #[error("axis {axis} of a tensor with {rank} dimensions")]
    Axis {
        /// The axis as given.
        axis: i64,
        /// Dimensions of the tensor.
        rank: usize,
    },
    /// A shape or an index that does not fit, in words.
    #[error("{0}")]
    Shape(String),
    /// An attribute that is unknown, missing or of another type.
    #[error("attribute {name}: {problem}")]
    Attribute {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A tensor that cannot be made.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A forest that cannot be used.
    #[error(transparent)]
    Forest(#[from] ForestError),
    /// A native kernel that refuses its input.
    #[error("{0}")]
    Native(String),
}

/// The inputs of one node.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    slots: &'a [Tensor],
    indices: &'a [Option<usize>],
}

impl<'a> Inputs<'a> {
    /// Inputs by their position among `slots`; `None` where an optional one is left out.
    pub fn new(slots: &'a [Tensor], indices: &'a [Option<usize>]) -> Self {
        Inputs { slots, indices }
    }

    /// Number of inputs, left-out ones included.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// True where there is no input.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// An input that may be left out.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.indices.get(index).copied().flatten().map(|slot| &self.slots[slot])
    }

    /// An input that must be there.
    ///
    /// # Errors
    /// Where it is not.
    pub fn get(&self, index: usize) -> Result<&'a Tensor, OpError> {
        self.optional(index).ok_or(OpError::Input(index))
    }

    /// The elements of an input that must be of type `T`.
    ///
    /// # Errors
    /// Where it is missing or of another type.
    pub fn elements<T: Scalar>(&self, index: usize) -> Result<&'a [T], OpError> {
        let tensor = self.get(index)?;
        tensor.elements().ok_or_else(|| {
            let accepted = match T::ELEMENT {
                Element::F32 => "float32",
                Element::F64 => "float64",
                Element::I64 => "int64",
                Element::Bool => "bool",
            };
            OpError::ElementType { input: index, found: tensor.element(), accepted }
        })
    }
}

/// The attributes of one node, read by name; what nobody reads is refused.
pub struct Attributes<'a> {
    list: &'a [AttributeProto],
    read: Vec<bool>,
}

impl<'a> Attributes<'a> {
    /// The attributes of a node.
    pub fn new(list: &'a [AttributeProto]) -> Self {
        Attributes { list, read: vec![false; list.len()] }
    }

    fn find(
        &mut self,
        name: &str,
        kind: AttributeType,
    ) -> Result<Option<&'a AttributeProto>, OpError> {
        let Some(at) = self.list.iter().position(|attribute| attribute.name == name) else {
            return Ok(None);
        };
        self.read[at] = true;
        let found = &self.list[at];
        if found.r#type != kind as i32 || !found.ref_attr_name.is_empty() {
            let problem = format!("is not a plain {kind:?}");
            return Err(OpError::Attribute { name: name.to_owned(), problem });
        }
        Ok(Some(found))
    }

    /// An integer, or `default` where it is not given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn int(&mut self, name: &str, default: i64) -> Result<i64, OpError> {
        Ok(self.find(name, AttributeType::Int)?.map_or(default, |found| found.i))
    }

    /// An integer that must be 0 or 1, or `default` where it is not given.
    ///
    /// # Errors
    /// Where the attribute is of another type or value.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, OpError> {
        match self.int(name, i64::from(default))? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(OpError::Attribute {
                name: name.to_owned(),
                problem: format!("is {other}; 0 and 1 are accepted"),
            }),
        }
    }

    /// Integers, if given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, OpError> {
        Ok(self.find(name, AttributeType::Ints)?.map(|found| found.ints.as_slice()))
    }

    /// Floats, if given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn floats(&mut self, name: &str) -> Result<Option<&'a [f32]>, OpError> {
        Ok(self.find(name, AttributeType::Floats)?.map(|found| found.floats.as_slice()))
    }

    /// Bytes of a text, if given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn string(&mut self, name: &str) -> Result<Option<&'a [u8]>, OpError> {
        Ok(self.find(name, AttributeType::String)?.map(|found| found.s.as_slice()))
    }

    /// Texts, if given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn strings(&mut self, name: &str) -> Result<Option<&'a [Vec<u8>]>, OpError> {
        Ok(self.find(name, AttributeType::Strings)?.map(|found| found.strings.as_slice()))
    }

    /// A tensor, if given.
    ///
    /// # Errors
    /// Where the attribute is of another type.
    pub fn tensor(&mut self, name: &str) -> Result<Option<&'a TensorProto>, OpError> {
        Ok(self.find(name, AttributeType::Tensor)?.and_then(|found| found.t.as_ref()))
    }

    /// Refuses what has not been read: no attribute is ever ignored.
    ///
    /// # Errors
    /// Names the first attribute that the operator does not know or that stands twice.
    pub fn finish(self) -> Result<(), OpError> {
        match self.read.iter().position(|&read| !read) {
            None => Ok(()),
            Some(at) => Err(OpError::Attribute {
                name: self.list[at].name.clone(),
                problem: "is unknown to this operator or given twice".to_owned(),
            }),
        }
    }
}

/// Runs `$body` with `$T` standing for the Rust type of `$element`.
macro_rules! with_type {
    ($element:expr, $T:ident => $body:expr) => {
        match $element {
            $crate::onnx::tensor::Element::F32 => {
                type $T = f32;
                $body
            }
            $crate::onnx::tensor::Element::F64 => {
                type $T = f64;
                $body
            }
            $crate::onnx::tensor::Element::I64 => {
                type $T = i64;
                $body
            }
            $crate::onnx::tensor::Element::Bool => {
                type $T = bool;
                $body
            }
        }
    };
}
pub(crate) use with_type;
