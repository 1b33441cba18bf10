//! What a configuration says, and what is said about one that cannot stand.

use super::*;
use crate::serve::{Condition, Watched};

const GOOD: &str = r#"
[[source]]
topic = "plant/{line}/{machine}/accel"
stream = "{line}-{machine}"
models = ["pump"]
time = "t"
time_unit = "ms"
[source.channels]
ax = { name = "acc.x", unit = "m/s2", scale = 9.80665 }

[[source]]
topic = "plant/{machine}/{channel}/value"
stream = "{machine}"
format = "number"
channel = "{channel}"

[[alarm]]
name = "bearing"
watch = "probability"
class = "bearing"
above = 0.8
severity = "critical"
raise_after_s = 2

[[alarm]]
name = "too slow"
watch = "value"
below = 20.0
streams = "pump-*"

[[gate]]
channel = "speed"
above = 50
settle_s = 10

[[gate]]
name = "maintenance"
topic = "plant/{line}/{machine}/state"
stream = "{line}-{machine}"
field = "state"
open = ["running"]

[results]
on_change = true
every_s = 60

[streams]
expire_s = 3600

[engines]
"pump cnn" = "ort"
fan = "auto"
"#;

#[test]
fn a_configuration_says_what_is_served_and_watched() {
    let file = ConfigFile::parse(GOOD).unwrap();
    let engines = file.engines().unwrap();
    assert_eq!(engines["pump cnn"].to_string(), "ort");
    assert_eq!(engines["fan"].to_string(), "auto");
    let sources = file.sources().unwrap();
    assert_eq!(sources[0].topics.topic.filter(), "plant/+/+/accel");
    assert_eq!(sources[0].channels["ax"].name, "acc.x");
    assert!(sources[0].admits("pump") && !sources[0].admits("fan"));
    let watch = file.watch().unwrap();
    assert_eq!(watch.alarms[0].watched, Watched::Class("bearing".to_owned()));
    assert_eq!(watch.alarms[0].rule.raise_duration_ms, 2000);
    assert!((watch.alarms[0].rule.clear_score - 0.72).abs() < 1e-12);
    assert!(watch.alarms[1].is_below);
    assert_eq!(
        (watch.alarms[1].rule.raise_score, watch.alarms[1].rule.clear_score),
        (-20.0, -22.0)
    );
    let Condition::Feature { feature, .. } = &watch.gates[0].condition else { panic!() };
    assert_eq!(feature, "speed.mean");
    assert_eq!(watch.thinning, Thinning::OnChange { every_ns: Some(60_000_000_000) });
    assert_eq!(file.expire_ns().unwrap(), 3_600_000_000_000);
}

#[test]
fn an_empty_configuration_watches_the_score_of_anomaly_models() {
    let file = ConfigFile::parse("").unwrap();
    assert!(file.sources().unwrap().is_empty());
    assert_eq!(file.watch().unwrap().alarms[0].watched, Watched::Score);
}

#[test]
fn what_cannot_stand_is_named_with_its_place() {
    let refusal = |text: &str| {
        let read = || {
            let file = ConfigFile::parse(text)?;
            file.sources()?;
            file.watch()?;
            file.expire_ns()
        };
        format!("{:#}", read().expect_err(text))
    };
    for (text, said) in [
        ("[[source]]\ntopik = 'a'", "topik"),
        ("[[source]]\ntopic = 'a/#'", "number 1"),
        ("[[source]]\ntopic = 'a/b'", "stream: "),
        ("[[source]]\ntopic = 'a/{b}'\nformat = 'xml'", "xml"),
        ("[[source]]\ntopic = 'a/{b}'\nformat = 'number'", "channel"),
        ("[[source]]\ntopic = 'a/{b}'\nchannel = 'x'", "number alone"),
        ("[[source]]\ntopic = 'a/{b}'\ntime_unit = 'ms'", "needs `time`"),
        ("[[source]]\ntopic = 'a/{b}'\nchannels.x.scale = 0", "scale"),
        ("[[alarm]]\nname = 'a'\nwatch = 'value'", "above"),
        ("[[alarm]]\nname = 'a'\nwatch = 'value'\nabove = 1\nclear = 2", "other side"),
        ("[[alarm]]\nname = 'a'\nwatch = 'probability'", "class"),
        (
            "[[alarm]]\nname = 'a'\nwatch = 'score'\n[[alarm]]\nname = 'a'\nwatch = 'score'",
            "another name",
        ),
        ("[[alarm]]\nname = 'a'\nwatch = 'score'\nraise_windows = 0", "raise_windows"),
        ("[[gate]]\nsettle_s = 1", "one of"),
        ("[[gate]]\nchannel = 'speed'", "above"),
        ("[[gate]]\ntopic = 'a/{b}'", "open ="),
        ("[results]\nevery_s = -1", "every_s"),
        ("[streams]\nexpire_s = 0", "expire_s"),
    ] {
        let found = refusal(text);
        assert!(found.contains(said), "{text}\n{found}");
    }
}
