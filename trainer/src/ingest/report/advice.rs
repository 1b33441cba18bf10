//! What a report recommends: one sentence for each thing that spoils training.

use super::{ChannelReport, RecordingReport};
use crate::ingest::Timing;
use crate::recording::Role;

/// From this share of rows on something is recommended.
const SHARE: f64 = 0.01;

/// Most channels that a sentence names.
const NAMED_MAX: usize = 5;

pub(in crate::ingest) fn advise(report: &RecordingReport) -> Vec<String> {
    let mut advice = Vec::new();
    if report.rows == 0 {
        advice.push("it has no rows: leave the file out".to_owned());
        return advice;
    }
    if let Some(timing) = &report.timing {
        advise_on_times(report.rows, timing, &mut advice);
    }
    advise_on_channels(report, &mut advice);
    if report.unlabelled_rows > 0 && !report.classes.is_empty() {
        advice.push(format!(
            "{} of {} rows have no label: windows there are not learned from",
            report.unlabelled_rows, report.rows
        ));
    }
    advice
}

fn advise_on_times(rows: u64, timing: &Timing, advice: &mut Vec<String>) {
    let is_many = |count: u64| count as f64 >= SHARE * rows as f64;
    if timing.out_of_order > 0 {
        let cause = match is_many(timing.out_of_order) {
            true => {
                "; two devices may be mixed in it: if a column tells them apart, name it with \
                 `--recording-column`"
            }
            false => "",
        };
        advice.push(format!(
            "{} rows go back in time, and a stream drops them{cause}",
            timing.out_of_order
        ));
    }
    if timing.duplicates > 0 {
        advice.push(format!(
            "{} rows have the time of the row before, and a stream drops them: is the clock finer than \
             the column?",
            timing.duplicates
        ));
    }
    if let (true, Some(rate_hz)) = (is_many(timing.irregular), timing.rate_hz) {
        advice.push(format!(
            "{} intervals deviate from the median by more than a twentieth: resample to {} Hz in the \
             pipeline, or import with `--rate-hz none`",
            timing.irregular,
            round_rate(rate_hz)
        ));
    }
    if timing.gaps > 0 {
        let longest = timing.interval_max_ns as f64 * 1e-9;
        advice.push(format!(
            "{} gaps, the longest of {longest} s: no window crosses them unless the pipeline fills them",
            timing.gaps
        ));
    }
}

/// A rate with three significant digits, as people write it.
fn round_rate(rate_hz: f64) -> f64 {
    let digits = 2 - rate_hz.log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (rate_hz * scale).round() / scale
}

fn advise_on_channels(report: &RecordingReport, advice: &mut Vec<String>) {
    let named = |is_meant: &dyn Fn(&ChannelReport) -> bool| {
        let meant = |channel: &&ChannelReport| channel.role == Role::Input && is_meant(channel);
        let found: Vec<&str> = report
            .channel_reports
            .iter()
            .filter(meant)
            .map(|channel| channel.name.as_str())
            .collect();
        listing(&found)
    };
    if let Some(first) = report.channel_reports.first().filter(|channel| channel.counts_rows) {
        advice.push(format!(
            "the first column `{}` rises by 1 from row to row and looks like an index: add \
             `--ignore-column {}`",
            first.name, first.name
        ));
    }
    if let Some(names) = named(&|channel| channel.least.is_none()) {
        advice.push(format!("{names} without any value: leave them out with `--ignore-column`"));
    }
    if let Some(names) = named(&|channel| channel.is_constant && report.rows > 1) {
        advice.push(format!("{names} of one value throughout: a model learns nothing from them"));
    }
    let is_gappy = |channel: &ChannelReport| {
        channel.least.is_some() && channel.missing as f64 >= SHARE * report.rows as f64
    };
    if let Some(names) = named(&is_gappy) {
        advice.push(format!(
            "{names} with missing values in one row of a hundred or more: a missing value is a gap; \
             leave them out, or let the pipeline fill gaps"
        ));
    }
    if let Some(names) = named(&|channel| channel.clipped > 0) {
        advice.push(format!(
            "{names} at the smallest or largest value for three rows and more: did the sensor meet its \
             limit?"
        ));
    }
}

fn listing(names: &[&str]) -> Option<String> {
    let first: Vec<String> = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let noun = if names.len() == 1 { "channel" } else { "channels" };
    match names.len() {
        0 => None,
        _ if more > 0 => Some(format!("{noun} {} and {more} more", first.join(", "))),
        _ => Some(format!("{noun} {}", first.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_as_people_write_them() {
        for (rate, expected) in
            [(62.4913, 62.5), (0.016_666, 0.0167), (11_998.3, 12_000.0), (1.0, 1.0)]
        {
            assert!((round_rate(rate) - expected).abs() < 1e-9, "{rate} {}", round_rate(rate));
        }
    }
}
