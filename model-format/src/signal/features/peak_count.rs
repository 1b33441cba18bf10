//! `peak_count`: Number of peaks: samples larger than each of the three before and the three behind.
//!
//! Samples are compared as they were measured: equal neighbours are no peak. The first and the last
//! three samples are none.

use super::{Family, Feature, Needs, Range, Scale, Unit};

/// Neighbours on either side that a peak exceeds.
const SUPPORT: usize = 3;

pub(super) static FEATURE: Feature = Feature {
    name: "peak_count",
    version: 1,
    family: Family::Runs,
    doc: "Number of peaks: samples larger than each of the three before and the three behind.",
    source: "tsfresh, number_peaks with n = 3",
    unit: Unit::Samples,
    scale: Scale::Samples,
    range: Range::WindowLength,
    window_min_samples: 2 * SUPPORT as u32 + 1,
    needs: Needs::Nothing,
    kernel: |basis| {
        let near = basis.samples().windows(2 * SUPPORT + 1);
        let peaks = near.filter(|near| {
            let peak = near[SUPPORT];
            near.iter().fold(0, |larger, &x| larger + usize::from(peak > x)) == 2 * SUPPORT
        });
        peaks.count() as f64
    },
    emit: |body| {
        let samples = body.samples();
        let count = body.window_samples() - 2 * SUPPORT;
        let middle = body.range(&samples, SUPPORT, SUPPORT + count);
        let neighbours = (0..=2 * SUPPORT).filter(|&start| start != SUPPORT);
        let larger = neighbours.map(|start| {
            let neighbour = body.range(&samples, start, start + count);
            body.graph.greater(&middle, &neighbour)
        });
        let larger: Vec<_> = larger.collect();
        let peaks = larger.into_iter().reduce(|all, one| body.graph.logical_and(&all, &one));
        let peaks = peaks.expect("there are neighbours");
        let peaks = body.indicator(&peaks);
        body.sum(&peaks)
    },
};
