//! The body of an inference request: bytes in; windows, and what is wanted for them, out.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Name of the one input.
pub(crate) const INPUT: &str = "windows";
/// Most windows in one request: streams wait while they are answered.
pub(crate) const WINDOWS_MAX: usize = 1024;
/// Deepest nesting of a tensor's data.
const DEPTH_MAX: usize = 8;
/// Most inputs, most outputs, most dimensions.
const PARTS_MAX: usize = 16;
/// Longest id of a request, in bytes.
const ID_BYTES_MAX: usize = 256;

/// What a model takes and gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes<'a> {
    /// Dimensions of one window, without the number of windows.
    pub(crate) window_shape: &'a [usize],
    /// Names of the outputs.
    pub(crate) outputs: &'a [&'static str],
}

/// A request that can be answered.
#[derive(Debug, PartialEq)]
pub(crate) struct InferRequest {
    pub(crate) id: Option<String>,
    /// `count` windows, one after the other.
    pub(crate) windows: Vec<f32>,
    pub(crate) count: usize,
    /// The outputs that are wanted, in the order of the answer; each at most once.
    pub(crate) outputs: Vec<Wanted>,
}

/// An output that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    /// Behind the JSON, little-endian, instead of as JSON.
    pub(crate) is_binary: bool,
}

/// Why a request cannot be answered, and what to change.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadRequest(String);

fn bad<T>(text: impl Into<String>) -> Result<T, BadRequest> {
    Err(BadRequest(text.into()))
}

/// Reads a body. `head_length` is the value of the header `Inference-Header-Content-Length`: the
/// size of the JSON at the start of the body, in bytes; the rest are tensors in binary form.
///
/// # Errors
/// Says what was found and what was expected.
pub(crate) fn read(
    body: &[u8],
    head_length: Option<&str>,
    takes: &Takes<'_>,
) -> Result<InferRequest, BadRequest> {
    let (head, tail) = match head_length {
        None => (body, None),
        Some(text) => {
            let (head, tail) = split(body, text)?;
            (head, Some(tail))
        }
    };
    let Head { id, parameters, inputs, outputs } = serde_json::from_slice(head)
        .map_err(|error| BadRequest(format!("the body is no inference request: {error}")))?;
    if let Some(id) = id.as_deref().filter(|id| id.len() > ID_BYTES_MAX) {
        return bad(format!("the id has {} bytes; at most {ID_BYTES_MAX} are taken", id.len()));
    }
    let parameters = parameters.unwrap_or_default();
    parameters.only("binary_data_output", "the request")?;
    let Ok([input]) = <[Input; 1]>::try_from(inputs.0) else {
        return bad(format!("the model has one input, `{INPUT}`: name it once"));
    };
    let (windows, count) = windows(input, tail, takes)?;
    let outputs = outputs.map_or_else(Vec::new, |outputs| outputs.0);
    let is_binary = parameters.binary_data_output.unwrap_or(false);
    Ok(InferRequest { id, windows, count, outputs: wanted(outputs, is_binary, takes)? })
}

/// The JSON and what follows it.
fn split<'a>(body: &'a [u8], head_length: &str) -> Result<(&'a [u8], &'a [u8]), BadRequest> {
    let length = head_length.trim().parse::<usize>().ok();
    match length.and_then(|length| body.split_at_checked(length)) {
        Some(parts) => Ok(parts),
        None => bad(format!(
            "Inference-Header-Content-Length is {:?}; the size of the JSON is expected, at most \
             the {} bytes of the body",
            short(head_length),
            body.len()
        )),
    }
}

/// The values of the input, and the number of windows that they are.
fn windows(
    input: Input,
    tail: Option<&[u8]>,
    takes: &Takes<'_>,
) -> Result<(Vec<f32>, usize), BadRequest> {
    let one = takes.window_shape;
    if input.name != INPUT {
        let name = short(&input.name);
        return bad(format!("there is no input {name:?}; there is `{INPUT}`"));
    }
    if input.datatype != "FP32" {
        let found = short(&input.datatype);
        return bad(format!("`{INPUT}` has the datatype FP32, not {found:?}"));
    }
    let parameters = input.parameters.unwrap_or_default();
    parameters.only("binary_data_size", &format!("`{INPUT}`"))?;
    let shape = input.shape.0;
    let fits = shape.len() == one.len() + 1
        && shape[1..].iter().zip(one).all(|(found, wanted)| *found == *wanted as u64);
    if !fits {
        let sizes: Vec<String> = one.iter().map(usize::to_string).collect();
        let sizes = sizes.join(", ");
        return bad(format!("`{INPUT}` has the shape [N, {sizes}], not {shape:?}"));
    }
    let Some(count) = usize::try_from(shape[0]).ok().filter(|count| *count <= WINDOWS_MAX) else {
        return bad(format!("{} windows came at once; send at most {WINDOWS_MAX}", shape[0]));
    };
    let values = one.iter().try_fold(count, |product, size| product.checked_mul(*size));
    let Some(values) = values else { return bad("the windows are too large") };
    let tail = tail.unwrap_or_default();
    let data = match (input.data, parameters.binary_data_size) {
        (Some(_), Some(_)) => {
            return bad(format!("`{INPUT}` has both `data` and `binary_data_size`: send one"));
        }
        (None, None) => {
            return bad(format!("`{INPUT}` has neither `data` nor `binary_data_size`"));
        }
        (Some(_), None) if !tail.is_empty() => {
            return bad(format!(
                "{} bytes follow the JSON that no input's `binary_data_size` announces",
                tail.len()
            ));
        }
        (Some(Flat(data)), None) => data,
        (None, Some(size)) => binary(tail, size, values)?,
    };
    if data.len() != values {
        let found = data.len();
        return bad(format!("`{INPUT}` says {values} values, its data has {found}"));
    }
    Ok((data, count))
}

/// The values of a binary tensor.
fn binary(tail: &[u8], size: u64, values: usize) -> Result<Vec<f32>, BadRequest> {
    if values.checked_mul(4).is_none_or(|bytes| bytes as u64 != size) {
        return bad(format!(
            "`{INPUT}` says {values} values of 4 bytes, its `binary_data_size` {size} bytes"
        ));
    }
    if tail.len() as u64 != size {
        return bad(format!(
            "`binary_data_size` is {size}, but {} bytes follow the JSON; the header \
             Inference-Header-Content-Length gives the size of the JSON",
            tail.len()
        ));
    }
    let (values, _) = tail.as_chunks::<4>();
    Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// The outputs that are asked for, or else all.
fn wanted(
    asked: Vec<Output>,
    all_binary: bool,
    takes: &Takes<'_>,
) -> Result<Vec<Wanted>, BadRequest> {
    if asked.is_empty() {
        let all = takes.outputs.iter();
        return Ok(all.map(|&name| Wanted { name, is_binary: all_binary }).collect());
    }
    let mut outputs: Vec<Wanted> = Vec::new();
    for Output { name, parameters } in asked {
        let Some(&name) = takes.outputs.iter().find(|known| **known == name) else {
            let (name, names) = (short(&name), takes.outputs.join("`, `"));
            return bad(format!("there is no output {name:?}; there is `{names}`"));
        };
        if outputs.iter().any(|output| output.name == name) {
            return bad(format!("the output `{name}` is asked for twice"));
        }
        let parameters = parameters.unwrap_or_default();
        parameters.only("binary_data", &format!("`{name}`"))?;
        let is_binary = parameters.binary_data.unwrap_or(all_binary);
        outputs.push(Wanted { name, is_binary });
    }
    Ok(outputs)
}

pub(crate) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `inputs`")]
struct Head {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
    inputs: AtMost<Input>,
    #[serde(default)]
    outputs: Option<AtMost<Output>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an input: an object with `name`, `shape`, `datatype` and data")]
struct Input {
    name: String,
    shape: AtMost<u64>,
    datatype: String,
    #[serde(default)]
    parameters: Option<Parameters>,
    #[serde(default)]
    data: Option<Flat>,
}

#[derive(Deserialize)]
#[serde(expecting = "an output: an object with `name`")]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Option<Parameters>,
}

/// The parameters that have a meaning somewhere, and the first name of any other. Values of others
/// are not kept: they may be as large as the body.
#[derive(Default)]
struct Parameters {
    binary_data_output: Option<bool>,
    binary_data_size: Option<u64>,
    binary_data: Option<bool>,
    other: Option<String>,
}

impl Parameters {
    /// Refuses all but the one that has a meaning here: others would have no effect, or another
    /// than was meant.
    fn only(&self, meant: &str, place: &str) -> Result<(), BadRequest> {
        let given = [
            ("binary_data_output", self.binary_data_output.is_some()),
            ("binary_data_size", self.binary_data_size.is_some()),
            ("binary_data", self.binary_data.is_some()),
        ];
        let misplaced = given.iter().find(|(name, is_given)| *is_given && *name != meant);
        match misplaced.map(|(name, _)| *name).or(self.other.as_deref()) {
            None => Ok(()),
            Some(name) => {
                bad(format!("the parameter {name:?} of {place} is not supported: leave it out"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
        let mut parameters = Parameters::default();
        while let Some(name) = map.next_key::<String>()? {
            match &name[..] {
                "binary_data_output" => parameters.binary_data_output = Some(map.next_value()?),
                "binary_data_size" => parameters.binary_data_size = Some(map.next_value()?),
                "binary_data" => parameters.binary_data = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    parameters.other.get_or_insert_with(|| short(&name));
                }
            }
        }
        Ok(parameters)
    }
}

/// A list of a few.
struct AtMost<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AtMost<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AtMostVisitor(PhantomData)).map(AtMost)
    }
}

struct AtMostVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMostVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {PARTS_MAX}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(part) = parts.next_element()? {
            if list.len() == PARTS_MAX {
                return Err(de::Error::invalid_length(PARTS_MAX + 1, &self));
            }
            list.push(part);
        }
        Ok(list)
    }
}

/// The numbers of a tensor, nested or flat, in their order.
struct Flat(Vec<f32>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flat, D::Error> {
        let mut numbers = Vec::new();
        deserializer.deserialize_seq(Level { numbers: &mut numbers, depth: 1 })?;
        Ok(Flat(numbers))
    }
}

struct Level<'a> {
    numbers: &'a mut Vec<f32>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or an array of numbers")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.numbers.push(value as f32);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        if self.depth > DEPTH_MAX {
            return Err(de::Error::custom("the data is nested too deep"));
        }
        let depth = self.depth + 1;
        while parts.next_element_seed(Level { numbers: self.numbers, depth })?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
