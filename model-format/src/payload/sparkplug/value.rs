//! Values of metrics as numbers.

use super::proto::{Metric, Value};
use crate::payload::message::Cell;

/// What a metric says, under the type that it or its birth names.
pub(super) fn cell(metric: &Metric, datatype: u32) -> Cell {
    if metric.is_null == Some(true) {
        return Cell::Number(f32::NAN);
    }
    let number = metric.value.and_then(|value| number(value, datatype));
    match number {
        Some(number) if (number as f32).is_finite() || number.is_nan() => {
            Cell::Number(number as f32)
        }
        _ => Cell::Other,
    }
}

/// The specification's numbers for the types that are numbers.
mod datatype {
    pub(super) const INT8: u32 = 1;
    pub(super) const INT16: u32 = 2;
    pub(super) const INT32: u32 = 3;
    pub(super) const INT64: u32 = 4;
    pub(super) const UINT8: u32 = 5;
    pub(super) const UINT16: u32 = 6;
    pub(super) const UINT32: u32 = 7;
    pub(super) const UINT64: u32 = 8;
    pub(super) const FLOAT: u32 = 9;
    pub(super) const DOUBLE: u32 = 10;
    pub(super) const BOOLEAN: u32 = 11;
}

fn number(value: Value, datatype: u32) -> Option<f64> {
    let signed = |bits| integer(value, bits).map(|value| value as f64);
    let unsigned = |bits| match value {
        Value::Int(value) => fits(value.into(), bits).then_some(f64::from(value)),
        Value::Long(value) => fits(value, bits).then_some(value as f64),
        _ => None,
    };
    match (datatype, value) {
        (datatype::INT8, _) => signed(8),
        (datatype::INT16, _) => signed(16),
        (datatype::INT32, _) => signed(32),
        (datatype::INT64, _) => signed(64),
        (datatype::UINT8, _) => unsigned(8),
        (datatype::UINT16, _) => unsigned(16),
        (datatype::UINT32, _) => unsigned(32),
        (datatype::UINT64, _) => unsigned(64),
        (datatype::FLOAT | datatype::DOUBLE, Value::Float(value)) => Some(value.into()),
        (datatype::FLOAT | datatype::DOUBLE, Value::Double(value)) => Some(value),
        (datatype::BOOLEAN, Value::Boolean(value)) => Some(f64::from(u8::from(value))),
        _ => None,
    }
}

fn fits(value: u64, bits: u32) -> bool {
    bits == 64 || value >> bits == 0
}

/// A number with a sign. Nodes write a small one in as many bits as its type has, or with its sign
/// drawn through the whole field; both are read, anything else is no number of that type.
fn integer(value: Value, bits: u32) -> Option<i64> {
    let (raw, wide) = match value {
        // A negative number, or a large one? The type has a field of its own.
        Value::Int(raw) if bits > 32 && raw > i32::MAX as u32 => return None,
        Value::Int(raw) => (u64::from(raw), i64::from(raw as i32)),
        Value::Long(raw) => (raw, raw as i64),
        _ => return None,
    };
    let unused = 64 - bits;
    let narrow = ((raw << unused) as i64) >> unused;
    (narrow == wide || fits(raw, bits)).then_some(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datatype: u32, value: Value) -> Option<f64> {
        number(value, datatype)
    }

    #[test]
    fn integers_are_twos_complement_in_their_type_or_their_field() {
        for (datatype, value, expected) in [
            (1, Value::Int(0xff), Some(-1.0)),
            (1, Value::Int(0xffff_ff80), Some(-128.0)),
            (1, Value::Int(0x7f), Some(127.0)),
            (1, Value::Int(300), None),
            (1, Value::Int(0xffff_ff00), None),
            (2, Value::Int(0xffff), Some(-1.0)),
            (2, Value::Long(u64::MAX), Some(-1.0)),
            (3, Value::Int(u32::MAX), Some(-1.0)),
            (3, Value::Long(0xffff_ffff), Some(-1.0)),
            (3, Value::Long(1 << 40), None),
            (4, Value::Long(u64::MAX - 4), Some(-5.0)),
            (4, Value::Int(u32::MAX), None),
            (4, Value::Int(7), Some(7.0)),
            (5, Value::Int(0xff), Some(255.0)),
            (5, Value::Int(0x100), None),
            (7, Value::Long(0xffff_ffff), Some(4_294_967_295.0)),
            (8, Value::Long(u64::MAX), Some(u64::MAX as f64)),
            (9, Value::Float(1.5), Some(1.5)),
            (9, Value::Double(1.5), Some(1.5)),
            (10, Value::Double(-2.5), Some(-2.5)),
            (11, Value::Boolean(true), Some(1.0)),
            (11, Value::Int(1), None),
            (3, Value::Float(1.0), None),
            (12, Value::Int(1), None),
            (13, Value::Long(1), None),
            (99, Value::Long(1), None),
        ] {
            assert_eq!(read(datatype, value), expected, "{datatype} {value:?}");
        }
    }
}
