//! 32-bit floats in JSON with as few digits as tell them apart: 0.1, not 0.10000000149011612.
//!
//! The metadata is bounded, and a baseline has nineteen numbers for every feature.

use serde::ser::{Serialize, Serializer};

/// A number as the shortest decimal that reads back as the same 32-bit float.
struct Short(f32);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wide = f64::from(self.0);
        // JSON readers round twice, to 64 and then to 32 bits; where that differs, all digits stay.
        let short = self.0.to_string().parse().unwrap_or(wide);
        serializer.serialize_f64(if short as f32 == self.0 { short } else { wide })
    }
}

/// Serialises one number.
pub(super) fn number<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    Short(*value).serialize(serializer)
}

/// Serialises a list of numbers.
pub(super) fn numbers<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&value| Short(value)))
}
