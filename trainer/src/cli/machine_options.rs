//! The options that say what is known of the machine behind the signals.

use clap::Args;
use model_format::pipeline::machine::{
    AccelerationUnit, Band, Machine, MachineClass, MachineGroup, SPEED_TOLERANCE, Shaft, Speed,
    Support,
};
use model_format::signal::bearing::BearingGeometry;

/// What is known of the machine, for the features that need it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machine, for features of vibration")]
pub(super) struct MachineArgs {
    /// A band of band_rms_1, band_rms_2, … in Hz, in this order. Repeatable.
    #[arg(long = "band", value_name = "LOW..HIGH", value_delimiter = ',', value_parser = band)]
    bands: Vec<Band>,
    /// The unit in which accelerations are measured; otherwise the channels' own.
    #[arg(long, value_name = "g|m/s2", value_parser = acceleration_unit)]
    acceleration_unit: Option<AccelerationUnit>,
    /// The band of velocity_rms in Hz; otherwise 10..1000 as in ISO 20816, as far as the rate shows it.
    #[arg(long, value_name = "LOW..HIGH", value_parser = band)]
    velocity_band: Option<Band>,
    /// Tell velocities by the zones of ISO 20816-3: large (above 300 kW) or medium (15 to 300 kW), on a
    /// rigid or flexible support.
    #[arg(long, value_name = "GROUP:SUPPORT", value_parser = machine_class)]
    iso_20816_3: Option<MachineClass>,
    /// The band whose envelope is taken, in Hz: around a resonance that impacts excite; otherwise from an
    /// eighth of the rate to half of it.
    #[arg(long, value_name = "LOW..HIGH", value_parser = band)]
    envelope_band: Option<Band>,
    /// The part of the envelope's spectrum that envelope_rms and envelope_peak look at, in Hz; otherwise
    /// all of it.
    #[arg(long, value_name = "LOW..HIGH", value_parser = band)]
    envelope_spectrum: Option<Band>,
    /// How fast the shaft turns (1797rpm, 29.95hz), or the input channel that measures it (speed:rpm,
    /// speed:hz).
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    shaft: Option<Speed>,
    /// By which share of a frequency the bands around it reach to either side.
    #[arg(long, value_name = "SHARE", default_value_t = SPEED_TOLERANCE, requires = "shaft")]
    speed_tolerance: f64,
    /// The orders of order_power_1, order_power_2, … in turns of the shaft; otherwise 1,2,3.
    #[arg(long, value_name = "ORDER,…", value_delimiter = ',')]
    orders: Vec<f64>,
    /// The bearing on the shaft: number of balls, ball diameter and pitch diameter in mm, and the contact
    /// angle in degrees where it is not 0. A 6205 is 9,7.94,39.04.
    #[arg(long, value_name = "BALLS,MM,MM[,DEG]", value_parser = bearing)]
    bearing: Option<BearingGeometry>,
}

impl MachineArgs {
    /// What these options say.
    pub(super) fn machine(&self) -> Machine {
        let tolerance = self.speed_tolerance;
        Machine {
            bands: self.bands.clone(),
            acceleration_unit: self.acceleration_unit,
            velocity_band: self.velocity_band,
            iso_20816_3: self.iso_20816_3,
            envelope_band: self.envelope_band,
            envelope_spectrum: self.envelope_spectrum,
            shaft: self.shaft.clone().map(|speed| Shaft { speed, tolerance }),
            orders: self.orders.clone(),
            bearing: self.bearing,
        }
    }
}

fn band(text: &str) -> Result<Band, String> {
    let parsed = text
        .split_once("..")
        .and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
    let (low_hz, high_hz) = parsed.ok_or("a band is LOW..HIGH in Hz, such as 10..1000")?;
    Ok(Band { low_hz, high_hz })
}

fn acceleration_unit(text: &str) -> Result<AccelerationUnit, String> {
    AccelerationUnit::named(text).ok_or_else(|| "accelerations are in g or m/s2".to_owned())
}

fn machine_class(text: &str) -> Result<MachineClass, String> {
    let parsed = text.split_once(':').and_then(|(group, support)| {
        let group = match group {
            "large" => MachineGroup::Large,
            "medium" => MachineGroup::Medium,
            _ => return None,
        };
        let support = match support {
            "rigid" => Support::Rigid,
            "flexible" => Support::Flexible,
            _ => return None,
        };
        Some(MachineClass { group, support })
    });
    let expected = "a class is large or medium, a colon, and rigid or flexible: medium:rigid";
    parsed.ok_or_else(|| expected.to_owned())
}

fn speed(text: &str) -> Result<Speed, String> {
    let expected = "a speed is a number with its unit (1797rpm, 29.95hz), or an input channel with the \
                    unit of its values (speed:rpm, speed:hz)";
    if let Some((channel, unit)) = text.rsplit_once(':') {
        let channel = channel.to_owned();
        return match unit {
            _ if channel.is_empty() => Err(expected.to_owned()),
            "rpm" => Ok(Speed::ChannelRpm(channel)),
            "hz" | "Hz" => Ok(Speed::ChannelHz(channel)),
            _ => Err(expected.to_owned()),
        };
    }
    let lower = text.to_ascii_lowercase();
    let number = |unit: &str| lower.strip_suffix(unit)?.trim().parse::<f64>().ok();
    let constant = number("rpm").map(Speed::Rpm).or_else(|| number("hz").map(Speed::Hz));
    constant.ok_or_else(|| expected.to_owned())
}

fn bearing(text: &str) -> Result<BearingGeometry, String> {
    let expected = "a bearing is its number of balls, ball diameter and pitch diameter in mm, and the \
                    contact angle in degrees where it is not 0: 9,7.94,39.04";
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let number = |place: usize| parts.get(place).and_then(|part| part.parse::<f64>().ok());
    let parsed = || {
        if !(3..=4).contains(&parts.len()) {
            return None;
        }
        Some(BearingGeometry {
            balls: parts[0].parse().ok()?,
            ball_diameter_mm: number(1)?,
            pitch_diameter_mm: number(2)?,
            contact_angle_deg: if parts.len() == 4 { number(3)? } else { 0.0 },
        })
    };
    parsed().ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_what_a_machine_is() {
        assert_eq!(band("10..1000"), Ok(Band { low_hz: 10.0, high_hz: 1000.0 }));
        assert_eq!(speed("1797rpm"), Ok(Speed::Rpm(1797.0)));
        assert_eq!(speed("29.95 Hz"), Ok(Speed::Hz(29.95)));
        assert_eq!(speed("drive.speed:rpm"), Ok(Speed::ChannelRpm("drive.speed".to_owned())));
        let small = bearing("9, 7.94,39.04").unwrap();
        assert_eq!(small, model_format::signal::bearing::BEARING_6205);
        assert_eq!(bearing("9,7.94,39.04,15").unwrap().contact_angle_deg, 15.0);
        assert!(machine_class("large:flexible").is_ok());
    }

    #[test]
    fn what_is_not_understood_is_refused_with_an_example() {
        for refused in [
            band("10-1000").unwrap_err(),
            speed("1797").unwrap_err(),
            speed(":rpm").unwrap_err(),
            speed("speed:m/s").unwrap_err(),
            bearing("9,7.94").unwrap_err(),
            bearing("9.5,7.94,39.04").unwrap_err(),
            machine_class("small:rigid").unwrap_err(),
            acceleration_unit("mm").unwrap_err(),
        ] {
            assert!(refused.contains(" is ") || refused.contains(" are "), "{refused}");
        }
    }
}
