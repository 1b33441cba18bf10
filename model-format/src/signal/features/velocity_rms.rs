//! `velocity_rms`: Root mean square of the vibration velocity in mm/s, integrated from accelerations.
//!
//! The power of bin f counts divided by (2πf)², in the share of its cell (half a bin to either side)
//! that lies in `machine.velocity_band`; accelerations are in `machine.acceleration_unit`. ISO 20816-3
//! judges a machine by this number, measured over 10 to 1000 Hz at its bearing housings. 0 where the
//! window has no variance; the largest 32-bit float where it is larger.

use super::{Family, Feature, Needs, Range, Scale, Unit};

pub(super) static FEATURE: Feature = Feature {
    name: "velocity_rms",
    version: 1,
    family: Family::Velocity,
    doc: "Root mean square of the vibration velocity in `machine.velocity_band`, integrated from \
          accelerations in the spectrum: √ Σ P / (2πf)²; what ISO 20816 judges machines by.",
    source: "ISO 20816-1:2016; SciPy, periodogram with a Hann window",
    unit: Unit::MillimetrePerSecond,
    scale: Scale::Velocity,
    range: Range::AtLeast(0.0),
    window_min_samples: 64,
    needs: Needs::Velocity,
    kernel: |basis| basis.velocity_rms().min(f64::from(f32::MAX)),
    emit: |body| {
        let velocity = body.velocity_rms();
        let most = body.graph.scalar_f64(f64::from(f32::MAX));
        body.graph.min(&velocity, &most)
    },
};
