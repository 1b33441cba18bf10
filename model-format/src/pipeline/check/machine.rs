//! Checks of what is known of the machine: every value, and how it fits window, rate and channels.

use super::{quoted, refuse};
use crate::pipeline::machine::{
    BALLS_MAX, BANDS_MAX, Band, DIAMETER_MM_MAX, Machine, ORDER_MAX, ORDERS_MAX,
    SPEED_TOLERANCE_MAX, Shaft, Speed,
};
use crate::pipeline::{Pipeline, PipelineError, RATE_HZ_MAX};
use crate::signal::bearing::BearingGeometry;

pub(super) fn check_machine(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let machine = &pipeline.machine;
    if machine.is_empty() {
        return Ok(());
    }
    let Some(rate_hz) = pipeline.rate.hz() else {
        let change = "give the pipeline a rate in Hz, or leave the machine out: without a rate \
                      there are no frequencies";
        return Err(refuse("machine", "an object with the rate \"none\"", change));
    };
    if machine.bands.len() > BANDS_MAX {
        let found = format!("{} bands", machine.bands.len());
        return Err(refuse("machine.bands", found, &format!("name at most {BANDS_MAX} bands")));
    }
    let fit = Fit { rate_hz, window_samples: pipeline.window.length_samples };
    for (index, band) in machine.bands.iter().enumerate() {
        fit.check_band(&format!("machine.bands[{index}]"), *band, Lowest::Any)?;
    }
    for (field, band, lowest) in [
        ("machine.velocity_band", machine.velocity_band, Lowest::AbovePeriod),
        ("machine.envelope_band", machine.envelope_band, Lowest::Any),
        ("machine.envelope_spectrum", machine.envelope_spectrum, Lowest::Any),
    ] {
        band.map_or(Ok(()), |band| fit.check_band(field, band, lowest))?;
    }
    machine.shaft.as_ref().map_or(Ok(()), |shaft| check_shaft(shaft, pipeline))?;
    check_orders(machine)?;
    machine.bearing.as_ref().map_or(Ok(()), check_bearing)
}

/// What bands must fit.
struct Fit {
    rate_hz: f64,
    window_samples: u32,
}

/// Where a band may begin.
#[derive(Clone, Copy, PartialEq)]
enum Lowest {
    /// At 0, or where a window has a whole period.
    Any,
    /// Where a window has a whole period: lower ones would be divided by.
    AbovePeriod,
}

impl Fit {
    fn check_band(&self, field: &str, band: Band, lowest: Lowest) -> Result<(), PipelineError> {
        let Band { low_hz, high_hz } = band;
        let Fit { rate_hz, window_samples } = *self;
        let found = || format!("{low_hz} to {high_hz} Hz");
        if !(low_hz.is_finite() && high_hz.is_finite() && low_hz >= 0.0 && low_hz < high_hz) {
            let change = "give two frequencies in hertz, the lower one first, from 0 on";
            return Err(refuse(field, found(), change));
        }
        let nyquist_hz = rate_hz / 2.0;
        if high_hz > nyquist_hz {
            let change = format!(
                "end the band at {nyquist_hz} Hz or below: a rate of {rate_hz} Hz shows no higher \
                 frequency"
            );
            return Err(refuse(field, found(), &change));
        }
        let bin_hz = rate_hz / f64::from(window_samples);
        let begins = low_hz >= bin_hz || (low_hz == 0.0 && lowest == Lowest::Any);
        if !begins {
            let needed = if low_hz > 0.0 { (rate_hz / low_hz).ceil() } else { f64::INFINITY };
            let lengthen = match needed {
                needed if needed <= f64::from(crate::pipeline::WINDOW_SAMPLES_MAX) => {
                    format!("lengthen the windows to {needed} samples, or ")
                }
                _ => String::new(),
            };
            let change = format!(
                "{lengthen}begin the band at {bin_hz} Hz or above: windows of {window_samples} samples \
                 hold no whole period of anything lower"
            );
            return Err(refuse(field, found(), &change));
        }
        if high_hz - low_hz < bin_hz {
            let change = format!(
                "make the band at least {bin_hz} Hz wide: windows of {window_samples} samples tell \
                 nothing finer apart"
            );
            return Err(refuse(field, found(), &change));
        }
        Ok(())
    }
}

fn check_shaft(shaft: &Shaft, pipeline: &Pipeline) -> Result<(), PipelineError> {
    let Shaft { speed, tolerance } = shaft;
    if !(0.0..=SPEED_TOLERANCE_MAX).contains(tolerance) {
        let change = format!("give a share of 0 to {SPEED_TOLERANCE_MAX} (0.02 is 2 %)");
        return Err(refuse("machine.shaft.tolerance", tolerance.to_string(), &change));
    }
    let field = "machine.shaft.speed";
    match (speed, speed.constant_hz()) {
        (_, Some(hz)) if hz.is_finite() && hz > 0.0 && hz <= RATE_HZ_MAX => Ok(()),
        (Speed::Hz(found) | Speed::Rpm(found), _) => {
            Err(refuse(field, found.to_string(), "give the turns per second or minute, above 0"))
        }
        (Speed::ChannelHz(name) | Speed::ChannelRpm(name), _) => {
            let mut names = pipeline.channels.iter().map(|channel| channel.name.as_str());
            if names.clone().any(|known| known == name) {
                return Ok(());
            }
            let some = names.by_ref().take(8).collect::<Vec<_>>().join(", ");
            let change = format!(
                "name an input channel of the pipeline, which has {some}, or give a constant speed"
            );
            Err(refuse(field, format!("the channel {}", quoted(name)), &change))
        }
    }
}

fn check_orders(machine: &Machine) -> Result<(), PipelineError> {
    let orders = &machine.orders;
    if orders.len() > ORDERS_MAX {
        let found = format!("{} orders", orders.len());
        return Err(refuse("machine.orders", found, &format!("name at most {ORDERS_MAX} orders")));
    }
    for (index, order) in orders.iter().enumerate() {
        if !(order.is_finite() && *order > 0.0 && *order <= ORDER_MAX) {
            let change = format!("give an order above 0 and at most {ORDER_MAX}");
            return Err(refuse(format!("machine.orders[{index}]"), order.to_string(), &change));
        }
    }
    Ok(())
}

fn check_bearing(bearing: &BearingGeometry) -> Result<(), PipelineError> {
    let BearingGeometry { balls, ball_diameter_mm, pitch_diameter_mm, contact_angle_deg } =
        *bearing;
    if !(3..=BALLS_MAX).contains(&balls) {
        let change = format!("give 3 to {BALLS_MAX} balls");
        return Err(refuse("machine.bearing.balls", balls.to_string(), &change));
    }
    let is_diameter = |diameter: f64| diameter > 0.0 && diameter <= DIAMETER_MM_MAX;
    if !is_diameter(pitch_diameter_mm) {
        let change = format!("give millimetres above 0 and at most {DIAMETER_MM_MAX}");
        let found = pitch_diameter_mm.to_string();
        return Err(refuse("machine.bearing.pitch_diameter_mm", found, &change));
    }
    if !(is_diameter(ball_diameter_mm) && ball_diameter_mm < pitch_diameter_mm) {
        let change = format!(
            "give millimetres above 0 and below the pitch diameter, {pitch_diameter_mm} mm"
        );
        let found = ball_diameter_mm.to_string();
        return Err(refuse("machine.bearing.ball_diameter_mm", found, &change));
    }
    if !(0.0..90.0).contains(&contact_angle_deg) {
        let change = "give degrees from 0 to below 90";
        let found = contact_angle_deg.to_string();
        return Err(refuse("machine.bearing.contact_angle_deg", found, change));
    }
    Ok(())
}
