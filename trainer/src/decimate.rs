//! Fewer points for a plot: the smallest and the largest value of the rows of each point.

use serde::Serialize;
use utoipa::ToSchema;

use crate::recording::Recording;

/// Samples for a plot.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Decimated {
    /// The first row.
    pub from_row: u64,
    /// The first row after the last one.
    pub to_row: u64,
    /// Rows of each point, the last one's apart.
    pub rows_per_point: u64,
    /// True where times count from 1970, false where from the recording's start.
    pub absolute_time: bool,
    /// Time of each point's first row, in nanoseconds, as text: JSON's numbers would round it.
    pub time_ns: Vec<String>,
    /// The channels.
    pub channels: Vec<DecimatedChannel>,
}

/// A channel's values for a plot.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DecimatedChannel {
    /// Name.
    pub name: String,
    /// Unit, if known.
    pub unit: Option<String>,
    /// The smallest value of each point's rows; none where all are missing.
    pub min: Vec<Option<f32>>,
    /// The largest value of each point's rows.
    pub max: Vec<Option<f32>>,
}

/// At most `points` points of a recording's part that begins at `from_row`.
pub fn decimate(part: &Recording, from_row: u64, points: usize) -> Decimated {
    let per_point = part.rows().div_ceil(points.max(1)).max(1);
    let channels = part.channels.iter().map(|channel| {
        let (min, max) = channel.values.chunks(per_point).map(range).unzip();
        DecimatedChannel { name: channel.name.clone(), unit: channel.unit.clone(), min, max }
    });
    Decimated {
        from_row,
        to_row: from_row + part.rows() as u64,
        rows_per_point: per_point as u64,
        absolute_time: part.absolute_time,
        time_ns: part.time_ns.iter().step_by(per_point).map(i64::to_string).collect(),
        channels: channels.collect(),
    }
}

/// The smallest and the largest value that is there.
fn range(values: &[f32]) -> (Option<f32>, Option<f32>) {
    let there = values.iter().copied().filter(|value| value.is_finite());
    there.fold((None, None), |(min, max), value| {
        let min = min.map_or(value, |min: f32| min.min(value));
        let max = max.map_or(value, |max: f32| max.max(value));
        (Some(min), Some(max))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recording::{RecordedChannel, Role};

    fn recording(values: Vec<f32>) -> Recording {
        Recording {
            name: "r".to_owned(),
            time_ns: (0..values.len() as i64).collect(),
            channels: vec![RecordedChannel {
                name: "a".to_owned(),
                unit: None,
                role: Role::Input,
                values,
            }],
            absolute_time: false,
            rate_hz: None,
            labels: Vec::new(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn no_peak_is_lost_whatever_the_number_of_points() {
        let values: Vec<f32> = (0..997).map(|row| ((row * 7919) % 1009) as f32).collect();
        let largest = values.iter().copied().fold(f32::MIN, f32::max);
        let smallest = values.iter().copied().fold(f32::MAX, f32::min);
        for points in [1, 2, 3, 10, 500, 996, 997, 5000] {
            let decimated = decimate(&recording(values.clone()), 0, points);
            let channel = &decimated.channels[0];
            assert!(channel.min.len() <= points);
            assert_eq!(channel.min.len(), decimated.time_ns.len());
            assert_eq!(channel.max.iter().flatten().copied().fold(f32::MIN, f32::max), largest);
            assert_eq!(channel.min.iter().flatten().copied().fold(f32::MAX, f32::min), smallest);
        }
    }

    #[test]
    fn missing_values_are_no_numbers() {
        let decimated = decimate(&recording(vec![f32::NAN, 1.0, f32::NAN, f32::NAN]), 5, 2);
        assert_eq!(decimated.channels[0].min, [Some(1.0), None]);
        assert_eq!((decimated.from_row, decimated.to_row), (5, 9));
    }
}
