//! Fewer points for a plot: the smallest and the largest value of the rows of each point.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use crate::recording::Recording;
use crate::store::ChannelInfo;

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

/// Most values that a part should have which is decimated at once.
const VALUES_MAX: u64 = 1 << 22;

/// The parts of `rows` to read one after the other, and the rows of each point where there shall be
/// at most `points`. A part holds whole points, or lies within one.
pub fn parts(rows: Range<u64>, points: u64, channels: u64) -> (u64, Vec<Range<u64>>) {
    let per_point = (rows.end - rows.start).div_ceil(points.max(1)).max(1);
    let at_once = (VALUES_MAX / channels.max(1)).max(1);
    let step = if per_point < at_once { at_once / per_point * per_point } else { at_once };
    let mut parts = Vec::new();
    let mut from = rows.start;
    while from < rows.end {
        let point_end = from - (from - rows.start) % per_point + per_point;
        let end = if step < per_point { point_end.min(from + step) } else { from + step };
        parts.push(from..end.min(rows.end));
        from = end;
    }
    (per_point, parts)
}

/// The points of a recording's part that begins at `from_row`.
pub fn decimate(part: &Recording, from_row: u64, rows_per_point: u64) -> Decimated {
    let per_point = usize::try_from(rows_per_point).unwrap_or(usize::MAX).max(1);
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

impl Decimated {
    /// Adds the part that follows.
    pub fn append(&mut self, next: Decimated) {
        let continues = !(self.to_row - self.from_row).is_multiple_of(self.rows_per_point);
        self.to_row = next.to_row;
        self.time_ns.extend(next.time_ns.into_iter().skip(continues.into()));
        for (channel, next) in self.channels.iter_mut().zip(next.channels) {
            join(&mut channel.min, next.min, continues, f32::min);
            join(&mut channel.max, next.max, continues, f32::max);
        }
    }
}

/// Adds points; the first one belongs to the last one that is there where it `continues` that.
fn join(
    values: &mut Vec<Option<f32>>,
    next: Vec<Option<f32>>,
    continues: bool,
    choose: fn(f32, f32) -> f32,
) {
    let mut next = next.into_iter();
    if let (true, Some(last)) = (continues, values.last_mut()) {
        *last = match (*last, next.next().flatten()) {
            (Some(a), Some(b)) => Some(choose(a, b)),
            (a, b) => a.or(b),
        };
    }
    values.extend(next);
}

/// The smallest and the largest value of each of some stretches of rows; NaN where all are missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extremes {
    /// The smallest values.
    pub least: Vec<f32>,
    /// The largest values.
    pub greatest: Vec<f32>,
}

impl Extremes {
    /// The points of a channel, each of so many stretches.
    pub fn points(&self, channel: &ChannelInfo, per_point: usize) -> DecimatedChannel {
        DecimatedChannel {
            name: channel.name.clone(),
            unit: channel.unit.clone(),
            min: self.least.chunks(per_point.max(1)).map(|values| range(values).0).collect(),
            max: self.greatest.chunks(per_point.max(1)).map(|values| range(values).1).collect(),
        }
    }
}

/// The smallest and the largest value that is there.
pub(crate) fn range(values: &[f32]) -> (Option<f32>, Option<f32>) {
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
            label_sets: std::collections::BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn no_peak_is_lost_whatever_the_number_of_points() {
        let values: Vec<f32> = (0..997).map(|row| ((row * 7919) % 1009) as f32).collect();
        let largest = values.iter().copied().fold(f32::MIN, f32::max);
        let smallest = values.iter().copied().fold(f32::MAX, f32::min);
        for points in [1, 2, 3, 10, 500, 996, 997, 5000] {
            let (per_point, parts) = parts(0..997, points as u64, 1);
            assert_eq!(parts.len(), 1);
            let decimated = decimate(&recording(values.clone()), 0, per_point);
            let channel = &decimated.channels[0];
            assert!(channel.min.len() <= points);
            assert_eq!(channel.min.len(), decimated.time_ns.len());
            assert_eq!(channel.max.iter().flatten().copied().fold(f32::MIN, f32::max), largest);
            assert_eq!(channel.min.iter().flatten().copied().fold(f32::MAX, f32::min), smallest);
        }
    }

    #[test]
    fn a_plot_of_parts_is_the_plot_of_the_whole() {
        let values: Vec<f32> = (0..997).map(|row| ((row * 7919) % 1009) as f32).collect();
        for (points, at_once) in [(1, 10), (3, 7), (7, 300), (500, 64), (997, 5), (40, 997)] {
            let channels = VALUES_MAX.div_ceil(at_once);
            let (per_point, parts) = parts(5..997, points, channels);
            assert!(parts.iter().all(|part| part.end - part.start <= at_once), "{parts:?}");
            let part = |rows: Range<u64>| {
                let inside = rows.start as usize..rows.end as usize;
                let mut part = recording(values[inside.clone()].to_vec());
                part.time_ns = inside.map(|row| row as i64).collect();
                decimate(&part, rows.start, per_point)
            };
            let mut plot = part(parts[0].clone());
            parts[1..].iter().for_each(|rows| plot.append(part(rows.clone())));
            assert_eq!(plot, part(5..997), "{points} points");
            assert!(plot.time_ns.len() as u64 <= points);
        }
    }

    #[test]
    fn missing_values_are_no_numbers() {
        let decimated = decimate(&recording(vec![f32::NAN, 1.0, f32::NAN, f32::NAN]), 5, 2);
        assert_eq!(decimated.channels[0].min, [Some(1.0), None]);
        assert_eq!((decimated.from_row, decimated.to_row), (5, 9));
    }
}
