//! Alarms, gates, mutes and thinning, from messages to what is published.

use std::sync::Arc;

use model_format::decide::AlarmRule;

use super::*;
use crate::serve::watch::{
    AlarmSpec, GateSpec, Scope, Severity, Thinning, TopicCondition, Watched,
};

const SECOND_NS: i64 = 1_000_000_000;

/// An alarm that one window raises or clears: at 0 and above, below -1.
fn alarm(name: &str) -> Arc<AlarmSpec> {
    AlarmSpec {
        name: name.to_owned(),
        scope: Scope::default(),
        watched: Watched::Score,
        is_below: false,
        severity: Severity::Critical,
        rule: AlarmRule {
            raise_score: 0.0,
            clear_score: -1.0,
            raise_windows: 2,
            clear_windows: 1,
            ..AlarmRule::default()
        },
    }
    .into()
}

fn core_with(watch: WatchPlan, book: Book) -> Core {
    let mut core = core_of(Plan { watch, ..plan(10) }, book);
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    core
}

/// Rows `from..to` of a stream, and the lines of each kind.
fn rows(core: &mut Core, rows: std::ops::Range<usize>) -> (Vec<Value>, Vec<Value>) {
    let (mut results, mut alarms) = (Vec::new(), Vec::new());
    for number in rows {
        // Times that count from 1970, so that they stand as such in results and alarms.
        let payload = row_at(1_764_322_000_000 + 10 * number, number);
        let origin = &Origin::Topic("cirame/samples/pump".to_owned());
        let incoming = Incoming { origin, payload: payload.as_bytes(), arrival_ns: 7 };
        let mut emit = |line: Line<'_>| {
            let json = serde_json::from_str(&line.json).unwrap();
            match line.kind {
                Kind::Alarm => alarms.push(json),
                Kind::Result if line.is_published => results.push(json),
                Kind::Result => {}
            }
        };
        core.message(incoming, &mut emit).unwrap();
    }
    (results, alarms)
}

fn command(core: &mut Core, text: &str, arrival_ns: i64) -> Result<Vec<Value>, Refused> {
    let origin = &Origin::Topic("cirame/devices/device/command".to_owned());
    let mut lines = Vec::new();
    let mut emit = |line: Line<'_>| {
        assert_eq!(line.kind, Kind::Alarm);
        lines.push(serde_json::from_str(&line.json).unwrap());
    };
    let incoming = Incoming { origin, payload: text.as_bytes(), arrival_ns };
    core.message(incoming, &mut emit).map(|()| lines)
}

#[test]
fn an_alarm_is_raised_once_acknowledged_and_survives_a_restart() {
    let watch = || WatchPlan { alarms: vec![alarm("odd")], ..WatchPlan::default() };
    let mut core = core_with(watch(), Book::default());
    let (results, alarms) = rows(&mut core, 0..100);
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let raise = &alarms[0];
    assert_eq!((&raise["event"], &raise["severity"]), (&"raise".into(), &"critical".into()));
    assert_eq!((&raise["since"], &raise["at"]), (&results[0]["end"], &results[1]["end"]));
    assert_eq!(raise["stream"], "pump");
    let book = core.changed_book().unwrap();
    assert_eq!(book.raised.len(), 1);
    assert!(core.changed_book().is_none());

    let wrong = r#"{"command":"acknowledge","stream":"pump","alarm":"even"}"#;
    assert!(command(&mut core, wrong, 9).is_err());
    let seen = r#"{"command":"acknowledge","stream":"pump","by":"Ann"}"#;
    let acknowledged = command(&mut core, seen, 9).unwrap();
    assert_eq!(
        (&acknowledged[0]["event"], &acknowledged[0]["by"]),
        (&"acknowledge".into(), &"Ann".into())
    );
    assert_eq!(acknowledged[0]["alarm_id"], raise["alarm_id"]);
    assert!(command(&mut core, seen, 9).is_err(), "it is seen already");
    let book = core.changed_book().unwrap();
    assert!(book.raised[0].is_acknowledged);

    let mut again = core_with(watch(), book.clone());
    assert_eq!(again.book(), book, "it is raised before its stream comes");
    rows(&mut again, 100..101);
    assert_eq!(again.book(), book, "and before its first window");
    let mut early = core_with(watch(), book.clone());
    rows(&mut early, 100..101);
    let mut lines = Vec::new();
    early.take_out("model", &mut |line| lines.push(line.json));
    let clear: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&clear["event"], &clear["at"]), (&"clear".into(), &raise["since"]));
    let (_, alarms) = rows(&mut again, 101..200);
    assert!(alarms.is_empty(), "it is raised already: {alarms:?}");
    let mut lines = Vec::new();
    again.take_out("model", &mut |line| lines.push((line.kind, line.json)));
    let clear: Value = serde_json::from_str(&lines.last().unwrap().1).unwrap();
    assert_eq!((&clear["event"], &clear["alarm_id"]), (&"clear".into(), &raise["alarm_id"]));
    assert!(again.book().raised.is_empty());
}

#[test]
fn an_alarm_whose_stream_does_not_come_back_can_be_acknowledged_and_ends() {
    let expire_ns = 3600 * SECOND_NS;
    let start = |alarms, book| {
        let watch = WatchPlan { alarms, ..WatchPlan::default() };
        let mut core = core_of(Plan { watch, expire_ns, ..plan(10) }, book);
        swap(&mut core, model("anomaly", 1), &mut Vec::new());
        core
    };
    let mut core = start(vec![alarm("odd")], Book::default());
    rows(&mut core, 0..100);
    let book = core.book();
    let mut again = start(vec![alarm("odd")], book.clone());
    let start_ns = 1_764_322_100 * SECOND_NS;
    again.tick(start_ns, &mut |_| panic!("nothing has happened"));
    assert_eq!((again.book(), again.streams()), (book.clone(), 1));
    let seen = r#"{"command":"acknowledge","stream":"pump","by":"Ann"}"#;
    let acknowledged = command(&mut again, seen, start_ns).unwrap();
    assert_eq!(acknowledged[0]["event"], "acknowledge");
    again.tick(start_ns + expire_ns, &mut |_| panic!("it is not that long ago"));
    let mut lines = Vec::new();
    again.tick(start_ns + expire_ns + 1, &mut |line| lines.push(line.json));
    let clear: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&clear["event"], &clear["alarm"]), (&"clear".into(), &"odd".into()));
    assert!(clear["reason"].as_str().unwrap().contains("nothing for long"), "{clear}");
    assert!(again.changed_book().unwrap().raised.is_empty());

    // Nothing watches it now.
    let mut without = start(Vec::new(), book.clone());
    without.tick(start_ns, &mut |_| {});
    assert_eq!((without.book(), without.streams()), (book, 0));
    without.tick(start_ns + expire_ns, &mut |_| {});
    assert!(without.changed_book().unwrap().raised.is_empty());
}

#[test]
fn a_new_version_of_the_model_keeps_the_alarm() {
    let watch = WatchPlan { alarms: vec![alarm("odd")], ..WatchPlan::default() };
    let mut core = core_with(watch, Book::default());
    rows(&mut core, 0..100);
    let mut lines = Vec::new();
    core.swap(model("anomaly", 2), &mut |line| lines.push(line.kind)).unwrap();
    assert!(lines.is_empty());
    assert_eq!(core.book().raised.len(), 1);
    core.swap(model("regression", 3), &mut |line| lines.push(line.kind)).unwrap();
    assert_eq!(lines.last(), Some(&Kind::Alarm), "a regression has no score");
    assert!(core.book().raised.is_empty());
}

#[test]
fn a_muted_stream_raises_nothing_until_the_mute_ends() {
    let watch = WatchPlan { alarms: vec![alarm("odd")], ..WatchPlan::default() };
    let mut core = core_with(watch, Book::default());
    command(&mut core, r#"{"command":"mute","stream":"pump","hours":1,"by":"Ann"}"#, 0).unwrap();
    let (results, alarms) = rows(&mut core, 0..100);
    assert!(alarms.is_empty() && results.iter().all(|result| result["gated_by"] == "mute"));
    assert_eq!(core.changed_book().unwrap().mutes.len(), 1);
    core.tick(3601 * SECOND_NS, &mut |_| {});
    assert!(core.changed_book().unwrap().mutes.is_empty());
    let (results, alarms) = rows(&mut core, 100..200);
    assert!(results.iter().all(|result| result.get("gated_by").is_none()));
    assert_eq!(alarms.len(), 1);
}

#[test]
fn a_gate_by_feature_lets_windows_pass_after_it_has_settled() {
    let gate = |than, settle_ns| GateSpec {
        name: "speed".into(),
        scope: Scope::default(),
        condition: Condition::Feature { feature: "accY.mean".to_owned(), than, is_below: false },
        settle_ns,
    };
    let with = |gate: GateSpec| WatchPlan {
        alarms: vec![alarm("odd")],
        gates: vec![gate.into()],
        ..WatchPlan::default()
    };
    let (_, alarms) = rows(&mut core_with(with(gate(1000.0, 0)), Book::default()), 0..100);
    assert!(alarms.is_empty());
    let (_, alarms) = rows(&mut core_with(with(gate(0.0, 0)), Book::default()), 0..100);
    assert_eq!(alarms.len(), 1);
    // Windows begin every 160 ms: the first two begin within 200 ms.
    let settled = gate(0.0, SECOND_NS / 5);
    let (results, alarms) = rows(&mut core_with(with(settled), Book::default()), 0..100);
    let gated: Vec<bool> = results.iter().map(|result| result.get("gated_by").is_some()).collect();
    assert_eq!(gated[..3], [true, true, false]);
    assert_eq!(alarms[0]["since"], results[2]["end"]);
}

#[test]
fn a_gate_by_topic_follows_what_the_topic_says() {
    let topic = TopicTemplate::parse("state/{machine}").unwrap();
    let condition = Condition::Topic(TopicCondition {
        stream: NameTemplate::all(&topic),
        topic,
        field: None,
        open: vec!["running".to_owned()],
        is_open_at_first: false,
    });
    let gate = GateSpec { name: "state".into(), scope: Scope::default(), condition, settle_ns: 0 };
    let watch =
        WatchPlan { alarms: vec![alarm("odd")], gates: vec![gate.into()], ..WatchPlan::default() };
    let mut core = core_with(watch, Book::default());
    assert!(rows(&mut core, 0..100).1.is_empty());
    let mut say = |machine: &str, state: &str| {
        let topic = format!("state/{machine}");
        let payload = state.as_bytes();
        let incoming =
            Incoming { origin: &Origin::Topic(topic.to_owned()), payload, arrival_ns: 0 };
        core.message(incoming, &mut |_| {})
    };
    say("fan", "running").unwrap();
    assert!(say("pump", "\u{1}").is_ok());
    assert!(rows(&mut core, 100..200).1.is_empty());
    let topic = "state/pump";
    let incoming =
        Incoming { origin: &Origin::Topic(topic.to_owned()), payload: b"running", arrival_ns: 0 };
    core.message(incoming, &mut |_| {}).unwrap();
    assert_eq!(rows(&mut core, 200..300).1.len(), 1);
}

#[test]
fn thinning_leaves_results_out_and_alarms_in() {
    let every_ns = 10 * SECOND_NS;
    let thinning = Thinning::Every { every_ns };
    let watch = WatchPlan { alarms: vec![alarm("odd")], thinning, ..WatchPlan::default() };
    let mut core = core_with(watch, Book::default());
    let (results, alarms) = rows(&mut core, 0..200);
    assert_eq!(alarms.len(), 1);
    // The first, and the one at which the alarm was raised.
    assert_eq!(results.len(), 2);
    assert_eq!(results[1]["end"], alarms[0]["at"]);
    assert_eq!(core.counts().windows, 2 + core.counts().left_out_results);
}
