//! A pipeline's features, resolved once and then computed window by window without allocation.

use std::sync::Arc;

use super::basis::{Asked, Basis, MachineParts};
use super::name::{FeatureError, Selection, select};
use super::{Feature, Needs, Scale};
use crate::pipeline::Pipeline;

/// What one pipeline computes from one window. Holds the buffers; each thread has its own.
#[derive(Clone)]
pub struct FeaturePlan {
    names: Vec<String>,
    columns: Vec<Column>,
    basis: Basis,
    window_values: usize,
    channels: usize,
}

/// One column to compute; columns stand in channel order, so that shared parts are met together.
#[derive(Clone)]
struct Column {
    channel: usize,
    index: usize,
    feature: &'static Feature,
    partner: Option<usize>,
    steps: usize,
}

impl FeaturePlan {
    /// Resolves the pipeline's features.
    ///
    /// # Errors
    /// A name that is unknown or listed twice, a feature whose needs the pipeline's window or rate
    /// does not meet, or an impossible window.
    pub fn new(pipeline: &Pipeline) -> Result<Self, FeatureError> {
        let selected = select(pipeline)?;
        let window_samples = pipeline.window.length_samples as usize;
        let any = |asks: &dyn Fn(Needs) -> bool| {
            selected.iter().any(|selection| asks(selection.feature.needs))
        };
        let mut partners: Vec<usize> =
            selected.iter().filter_map(|selection| selection.partner).collect();
        partners.sort_unstable();
        partners.dedup();
        let asked = Asked {
            rate_hz: pipeline.rate.hz().filter(|_| any(&Needs::rate)),
            cepstrum: any(&|needs| needs == Needs::Cepstrum),
            machine: Arc::new(MachineParts::new(pipeline)),
            partners,
        };
        let mut columns: Vec<Column> = selected
            .into_iter()
            .enumerate()
            .map(|(index, Selection { channel, feature, partner, steps })| Column {
                channel,
                index,
                feature,
                partner,
                steps,
            })
            .collect();
        columns.sort_by_key(|column| column.channel);
        Ok(FeaturePlan {
            names: pipeline.features.clone(),
            columns,
            basis: Basis::new(window_samples, asked),
            window_values: window_samples * pipeline.channels.len(),
            channels: pipeline.channels.len(),
        })
    }

    /// The features' names, `channel.name`, in the order of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The channels that each feature is computed of, by position: one, or two that it compares.
    pub fn channels(&self) -> Vec<Vec<usize>> {
        let mut channels = vec![Vec::new(); self.columns.len()];
        for Column { channel, partner, index, .. } in &self.columns {
            channels[*index] = std::iter::once(*channel).chain(*partner).collect();
        }
        channels
    }

    /// The features of one window: `window` holds W × C finite values in time order, channels
    /// together; `out` takes one value per name. Does not allocate.
    ///
    /// # Panics
    /// Where a slice has another length than that.
    pub fn compute(&mut self, window: &[f32], out: &mut [f32]) {
        assert_eq!(out.len(), self.names.len(), "one value per feature");
        // Adding 0.0 turns -0.0 into 0.0: which zero a minimum meets first is no information.
        self.each(window, |index, value| out[index] = value as f32 + 0.0);
    }

    /// The same before rounding to 32 bits, for tests of agreement.
    pub fn compute_f64(&mut self, window: &[f32], out: &mut [f64]) {
        assert_eq!(out.len(), self.names.len(), "one value per feature");
        self.each(window, |index, value| out[index] = value);
    }

    /// What each feature's error in this window is measured against, never 0.
    pub fn scales(&self, window: &[f32]) -> Vec<f64> {
        let mut plan = self.clone();
        let mut scales = vec![0.0; self.names.len()];
        let mut channel_of = vec![0; self.names.len()];
        let mut scale_of = vec![Scale::Ratio; self.names.len()];
        for column in &self.columns {
            channel_of[column.index] = column.channel;
            scale_of[column.index] = column.feature.scale;
        }
        plan.each(window, |index, value| scales[index] = value);
        for (index, scale) in scales.iter_mut().enumerate() {
            plan.basis.load(window, self.channels, channel_of[index]);
            let size = match scale_of[index] {
                Scale::Magnitude => plan.basis.magnitude(),
                Scale::Span => plan.basis.span(),
                Scale::Ratio => scale.abs().max(1.0),
                Scale::Nyquist => plan.basis.rate_hz() / 2.0,
                Scale::Samples => plan.basis.length(),
                Scale::Duration => plan.basis.length() / plan.basis.rate_hz(),
                Scale::Velocity => plan.basis.velocity_span(),
            };
            *scale = size.max(f64::from(f32::MIN_POSITIVE));
        }
        scales
    }

    fn each(&mut self, window: &[f32], mut take: impl FnMut(usize, f64)) {
        assert_eq!(window.len(), self.window_values, "a window has W × C values");
        self.basis.meet(window, self.channels);
        let mut loaded = usize::MAX;
        for column in &self.columns {
            if column.channel != loaded {
                loaded = column.channel;
                self.basis.load(window, self.channels, loaded);
            }
            self.basis.look_back(column.steps);
            self.basis.set_partner(column.partner);
            take(column.index, (column.feature.kernel)(&mut self.basis));
        }
    }
}
