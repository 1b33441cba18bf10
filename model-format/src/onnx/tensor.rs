//! A dense tensor: shape and elements in row-major order, with bounds on both.

use std::fmt;

use super::proto::{DataType, TensorProto};

/// The most elements of a tensor.
pub const ELEMENTS_MAX: usize = 1 << 26;
/// The most dimensions of a tensor.
pub const RANK_MAX: usize = 8;

/// Why a tensor cannot be made.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TensorError {
    /// Too many dimensions.
    #[error("a tensor of {0} dimensions; at most {RANK_MAX} are accepted")]
    Rank(usize),
    /// Too many elements.
    #[error("a tensor of shape {0:?} has too many elements; at most {ELEMENTS_MAX} are accepted")]
    Elements(Vec<usize>),
    /// A negative dimension in a file.
    #[error("a tensor with the dimension {0}")]
    Dimension(i64),
    /// An element type that graphs may not use.
    #[error("element type {0}; float32 (1), int64 (7), bool (9) and float64 (11) are accepted")]
    ElementType(i32),
    /// Elements in another file.
    #[error("the elements lie in another file; they must stand in this one")]
    External,
    /// Elements not as little-endian bytes.
    #[error("the elements do not stand in raw_data; no other place is accepted")]
    NotRaw,
    /// The number of bytes contradicts the shape.
    #[error("{found} bytes of elements; the shape {shape:?} of {element} needs {needed}")]
    Bytes {
        /// Bytes in the file.
        found: usize,
        /// Bytes that the shape needs.
        needed: usize,
        /// The shape.
        shape: Vec<usize>,
        /// The element type.
        element: Element,
    },
    /// A truth value that is neither 0 nor 1.
    #[error("a truth value stored as {0}; 0 and 1 are accepted")]
    Bool(u8),
}

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

/// An element type as Rust has it.
pub trait Scalar: Copy + Default + PartialEq + 'static {
    /// Which element type this is.
    const ELEMENT: Element;
    /// The elements, if they are of this type.
    fn of(data: &Data) -> Option<&[Self]>;
    /// The elements as a vector of this type, replaced by an empty one if they are of another.
    fn of_mut(data: &mut Data) -> &mut Vec<Self>;
}

macro_rules! scalar {
    ($T:ty, $variant:ident) => {
        impl Scalar for $T {
            const ELEMENT: Element = Element::$variant;
            fn of(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(v) => Some(v),
                    _ => None,
                }
            }
            fn of_mut(data: &mut Data) -> &mut Vec<Self> {
                if !matches!(data, Data::$variant(_)) {
                    *data = Data::$variant(Vec::new());
                }
                match data {
                    Data::$variant(v) => v,
                    _ => unreachable!("set just above"),
                }
            }
        }
    };
}

scalar!(f32, F32);
scalar!(f64, F64);
scalar!(i64, I64);
scalar!(bool, Bool);

/// A dense tensor in row-major order. The shape and the number of elements always agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// The number of elements of a shape.
///
/// # Errors
/// Where rank or elements exceed [`RANK_MAX`] or [`ELEMENTS_MAX`].
pub fn element_count(shape: &[usize]) -> Result<usize, TensorError> {
    if shape.len() > RANK_MAX {
        return Err(TensorError::Rank(shape.len()));
    }
    // A dimension of 0 must not hide an absurd one beside it, so that strides cannot overflow.
    let bounded = shape.iter().try_fold(1_usize, |product, &d| {
        product.checked_mul(d.max(1)).filter(|&p| p <= ELEMENTS_MAX)
    });
    match bounded {
        Some(_) => Ok(shape.iter().product()),
        None => Err(TensorError::Elements(shape.to_vec())),
    }
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

    /// A tensor of truth values.
    pub fn bool(shape: impl Into<Vec<usize>>, data: Vec<bool>) -> Self {
        Tensor::new(shape, Data::Bool(data))
    }

    /// The tensor that a file holds.
    ///
    /// # Errors
    /// Where the type, the shape or the stored bytes are not acceptable.
    pub fn from_proto(proto: &TensorProto) -> Result<Self, TensorError> {
        if proto.data_location != 0 {
            return Err(TensorError::External);
        }
        let element = Element::of_data_type(proto.data_type)
            .ok_or(TensorError::ElementType(proto.data_type))?;
        let shape = (proto.dims.iter())
            .map(|&d| usize::try_from(d).map_err(|_| TensorError::Dimension(d)))
            .collect::<Result<Vec<usize>, _>>()?;
        let count = element_count(&shape)?;
        let elsewhere = [
            proto.float_data.len(),
            proto.int32_data.len(),
            proto.int64_data.len(),
            proto.double_data.len(),
        ];
        if elsewhere.iter().any(|&len| len > 0) {
            return Err(TensorError::NotRaw);
        }
        let (found, needed) = (proto.raw_data.len(), count * element.bytes());
        if found != needed {
            return Err(TensorError::Bytes { found, needed, shape, element });
        }
        let raw = &proto.raw_data;
        let data = match element {
            Element::F32 => {
                Data::F32(raw.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
            }
            Element::F64 => {
                Data::F64(raw.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect())
            }
            Element::I64 => {
                Data::I64(raw.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect())
            }
            Element::Bool => {
                if let Some(&odd) = raw.iter().find(|&&byte| byte > 1) {
                    return Err(TensorError::Bool(odd));
                }
                Data::Bool(raw.iter().map(|&byte| byte == 1).collect())
            }
        };
        Ok(Tensor { shape, data })
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

    /// The elements if they are of type `T`.
    pub fn elements<T: Scalar>(&self) -> Option<&[T]> {
        T::of(&self.data)
    }

    /// The elements if they are 32-bit floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        self.elements()
    }

    /// The elements if they are 64-bit floats.
    pub fn as_f64(&self) -> Option<&[f64]> {
        self.elements()
    }

    /// The elements if they are 64-bit integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        self.elements()
    }

    /// The elements if they are truth values.
    pub fn as_bool(&self) -> Option<&[bool]> {
        self.elements()
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

    /// Bytes that the elements take in memory.
    pub fn bytes(&self) -> usize {
        self.len() * self.element().bytes()
    }

    /// Gives the tensor a new shape and type and returns its elements to be overwritten; the old
    /// buffer is used again where it fits.
    ///
    /// # Errors
    /// Where the shape is too large.
    pub fn reset<T: Scalar>(&mut self, shape: &[usize]) -> Result<&mut [T], TensorError> {
        let count = element_count(shape)?;
        self.shape.clear();
        self.shape.extend_from_slice(shape);
        let elements = T::of_mut(&mut self.data);
        elements.resize(count, T::default());
        Ok(elements)
    }

    /// Makes this tensor equal to `shape` and `elements`, using its buffer again.
    ///
    /// # Errors
    /// Where the shape is too large.
    ///
    /// # Panics
    /// Where the number of elements is not the product of the shape.
    pub fn copy_from<T: Scalar>(
        &mut self,
        shape: &[usize],
        elements: &[T],
    ) -> Result<(), TensorError> {
        self.reset::<T>(shape)?.copy_from_slice(elements);
        Ok(())
    }
}

impl Default for Tensor {
    /// One zero-length dimension.
    fn default() -> Self {
        Tensor { shape: vec![0], data: Data::F32(Vec::new()) }
    }
}
