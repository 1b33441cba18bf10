//! A dense tensor: shape and elements in row-major order.

use std::fmt;

use super::proto::DataType;

/// Elements of a tensor, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// 32-bit floats: what enters and leaves a graph.
    F32(Vec<f32>),
    /// 64-bit floats: what features are computed in.
    F64(Vec<f64>),
    /// 64-bit integers: indices and labels.
    I64(Vec<i64>),
    /// Truth values: comparisons.
    Bool(Vec<bool>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// True where there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub fn element(&self) -> Element {
        match self {
            Data::F32(_) => Element::F32,
            Data::F64(_) => Element::F64,
            Data::I64(_) => Element::I64,
            Data::Bool(_) => Element::Bool,
        }
    }
}

/// The element types that graphs may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 64-bit integer.
    I64,
    /// Truth value.
    Bool,
}

impl Element {
    /// The type as the file names it.
    pub fn data_type(self) -> DataType {
        match self {
            Element::F32 => DataType::Float,
            Element::F64 => DataType::Double,
            Element::I64 => DataType::Int64,
            Element::Bool => DataType::Bool,
        }
    }

    /// The type that the file's number stands for, if graphs may use it.
    pub fn of_data_type(number: i32) -> Option<Self> {
        [Element::F32, Element::F64, Element::I64, Element::Bool]
            .into_iter()
            .find(|element| element.data_type() as i32 == number)
    }

    /// Bytes of one element in memory and in the file.
    pub fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::F64 | Element::I64 => 8,
            Element::Bool => 1,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::F32 => "float32",
            Element::F64 => "float64",
            Element::I64 => "int64",
            Element::Bool => "bool",
        })
    }
}

/// A dense tensor in row-major order. The shape and the number of elements always agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// A tensor of this shape.
    ///
    /// # Panics
    /// Where the number of elements is not the product of the shape; whoever builds a tensor
    /// from outside data checks that first.
    pub fn new(shape: impl Into<Vec<usize>>, data: Data) -> Self {
        let shape = shape.into();
        assert_eq!(
            shape.iter().product::<usize>(),
            data.len(),
            "a tensor of shape {shape:?} has a different number of elements"
        );
        Tensor { shape, data }
    }

    /// A tensor of 32-bit floats.
    pub fn f32(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Self {
        Tensor::new(shape, Data::F32(data))
    }

    /// A tensor of 64-bit floats.
    pub fn f64(shape: impl Into<Vec<usize>>, data: Vec<f64>) -> Self {
        Tensor::new(shape, Data::F64(data))
    }

    /// A tensor of 64-bit integers.
    pub fn i64(shape: impl Into<Vec<usize>>, data: Vec<i64>) -> Self {
        Tensor::new(shape, Data::I64(data))
    }

    /// The shape, outermost dimension first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The elements, taken out.
    pub fn into_data(self) -> Data {
        self.data
    }

    /// The elements if they are 32-bit floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(v) => Some(v),
            _ => None,
        }
    }

    /// The elements if they are 64-bit floats.
    pub fn as_f64(&self) -> Option<&[f64]> {
        match &self.data {
            Data::F64(v) => Some(v),
            _ => None,
        }
    }

    /// The elements if they are 64-bit integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &self.data {
            Data::I64(v) => Some(v),
            _ => None,
        }
    }

    /// The elements if they are truth values.
    pub fn as_bool(&self) -> Option<&[bool]> {
        match &self.data {
            Data::Bool(v) => Some(v),
            _ => None,
        }
    }

    /// The element type.
    pub fn element(&self) -> Element {
        self.data.element()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// True where there is no element.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl Default for Tensor {
    /// No elements; allocates nothing.
    fn default() -> Self {
        // The rank-1 shape [0] would be exact but allocates; nobody reads a slot before it is set.
        Tensor { shape: Vec::new(), data: Data::F32(Vec::new()) }
    }
}
