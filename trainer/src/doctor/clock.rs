//! Does the clock say what time it is? Devices sign with theirs, and models are told apart by time.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use model_format::protocol::CLOCK_SKEW_MS_MAX;

use super::Finding;
use crate::clock::now_ms;
use crate::data_folder::database_path;
use crate::store::snapshot::newest_ms;

const CHECK: &str = "clock";

/// When this program was not yet written: a clock that says so was never set. 2026-01-01.
const EARLIEST_MS: i64 = 1_767_225_600_000;

/// How far behind the newest record the clock may be, in milliseconds.
const BEHIND_MS_MAX: i64 = 60_000;

/// From this difference on somebody should look, in milliseconds.
const DIFFERENCE_MS_LOW: i64 = 5000;

/// Longest time for the answer of the other clock.
const ANSWER_MAX: Duration = Duration::from_secs(5);

const SET: &str = "set the clock of this machine, such as with `sudo timedatectl set-ntp true`";

/// The clock is not behind what the database has seen, and agrees with another one where one is named.
pub(crate) fn check_clock(data: &Path, other: Option<&str>) -> Vec<Finding> {
    let now = now_ms();
    let newest = database_path(data);
    // What the database itself has to say is the matter of another check.
    let newest = if newest.exists() { newest_ms(&newest).ok().flatten() } else { None };
    let mut findings = vec![against_records(now, newest)];
    findings.extend(other.map(|url| match told_ms(url) {
        Ok(told) => against_other(url, now, told),
        Err(error) => Finding::warning(CHECK, format!("{url} does not tell the time: {error}")),
    }));
    findings
}

fn against_records(now_ms: i64, newest_ms: Option<i64>) -> Finding {
    let time = shown(now_ms);
    if now_ms < EARLIEST_MS {
        return Finding::failure(
            CHECK,
            format!("it is {time} by this machine's clock, which was never set: {SET}"),
        );
    }
    match newest_ms {
        Some(newest) if newest > now_ms + BEHIND_MS_MAX => Finding::failure(
            CHECK,
            format!(
                "it is {time} by this machine's clock, but the database has seen {}: {SET}",
                shown(newest)
            ),
        ),
        Some(newest) => {
            Finding::ok(CHECK, format!("{time}; the newest record is of {}", shown(newest)))
        }
        None => Finding::ok(CHECK, format!("{time}; there is no record to compare with")),
    }
}

fn against_other(url: &str, now_ms: i64, told_ms: i64) -> Finding {
    let difference = now_ms.saturating_sub(told_ms);
    let seconds = difference as f64 / 1000.0;
    let text = format!("{seconds:.0} s before {url}").replace("-", "");
    let text = if difference < 0 { text.replace("before", "behind") } else { text };
    if difference.abs() > CLOCK_SKEW_MS_MAX {
        let minutes = CLOCK_SKEW_MS_MAX / 60_000;
        return Finding::failure(
            CHECK,
            format!(
                "it is {text}: devices whose clocks are more than {minutes} minutes off are refused; {SET}"
            ),
        );
    }
    if difference.abs() > DIFFERENCE_MS_LOW {
        return Finding::warning(CHECK, format!("it is {text}: {SET}"));
    }
    Finding::ok(CHECK, format!("within {} s of {url}", DIFFERENCE_MS_LOW / 1000))
}

/// What time a web server says it is: the head `Date` of any answer.
fn told_ms(url: &str) -> anyhow::Result<i64> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(ANSWER_MAX));
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(url).call()?;
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date.ok_or_else(|| anyhow::anyhow!("its answer has no Date"))?;
    // The zone of HTTP is written as GMT, which RFC 2822 allows as an old form.
    Ok(rfc2822::parse(date)?.timestamp().as_millisecond())
}

fn shown(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms);
    time.map_or_else(|_| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const NOW_MS: i64 = 1_795_000_000_000;

    #[test]
    fn a_clock_that_is_behind_what_it_has_seen_is_a_failure() {
        assert_eq!(against_records(NOW_MS, None).verdict, Verdict::Ok);
        assert_eq!(against_records(NOW_MS, Some(NOW_MS + 59_000)).verdict, Verdict::Ok);
        assert_eq!(against_records(NOW_MS, Some(NOW_MS + 61_000)).verdict, Verdict::Failure);
        let unset = against_records(5000, None);
        assert!(unset.text.contains("1970-01-01 00:00:05 UTC"), "{unset:?}");
        assert_eq!(unset.verdict, Verdict::Failure);
    }

    #[test]
    fn another_clock_is_compared_both_ways() {
        let finding = |difference| against_other("http://t", NOW_MS, NOW_MS - difference);
        assert_eq!(finding(1000).verdict, Verdict::Ok);
        assert_eq!(finding(-7000).verdict, Verdict::Warning);
        assert!(finding(-7000).text.contains("7 s behind http://t"), "{:?}", finding(-7000));
        assert!(finding(400_000).text.contains("400 s before http://t"));
        assert_eq!(finding(400_000).verdict, Verdict::Failure);
    }

    #[test]
    fn the_date_of_http_is_read() {
        let time = rfc2822::parse("Sat, 28 Nov 2026 22:30:00 GMT").unwrap();
        assert_eq!(time.timestamp().to_string(), "2026-11-28T22:30:00Z");
    }
}
