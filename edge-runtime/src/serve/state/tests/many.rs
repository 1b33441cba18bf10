//! Many streams and several models: what belongs together stays together.

use super::*;
use crate::serve::route::MappedChannel;

/// Gives one message from a topic, and all that follows from it.
fn on_topic(core: &mut Core, topic: &str, payload: &str, arrival_ns: i64) -> Vec<(String, Value)> {
    let mut lines = Vec::new();
    let incoming = Incoming {
        origin: &Origin::Topic(topic.to_owned()),
        payload: payload.as_bytes(),
        arrival_ns,
    };
    let mut emit = |line: Line<'_>| {
        lines.push((line.stream.to_owned(), serde_json::from_str(&line.json).unwrap()));
    };
    core.message(incoming, &mut emit).unwrap();
    lines
}

fn named(name: &str, ready: ReadyModel) -> ReadyModel {
    ReadyModel { name: name.to_owned(), ..ready }
}

fn source(topic: &str) -> Source {
    let topic = TopicTemplate::parse(topic).unwrap();
    let before = direct();
    let topics = TopicSource { stream: NameTemplate::all(&topic), topic, ..before.topics };
    Source { topics, ..before }
}

#[test]
fn a_topic_names_its_stream_and_its_source_the_channels() {
    let mapped =
        |name: &str, scale| MappedChannel { name: name.to_owned(), unit: None, scale, offset: 1.0 };
    let mut plan = plan(10);
    let channels = HashMap::from([
        ("accX".to_owned(), mapped("accY", 1.0)),
        ("accY".to_owned(), mapped("accX", 2.0)),
    ]);
    plan.sources = [Source { channels, ..source("plant/{line}/{machine}/accel") }].into();
    let mut core = core_of(plan, Book::default());
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    let mut found = Vec::new();
    for number in 0..100 {
        for line in on_topic(&mut core, "plant/3/pump/accel", &row(number), 0) {
            assert_eq!(line.0, "3.pump");
            found.push(line.1["score"].clone());
        }
    }
    let swapped = |number: usize| {
        let row: Value = serde_json::from_str(&row(number)).unwrap();
        let (x, y) = (row["accX"].as_f64().unwrap(), row["accY"].as_f64().unwrap());
        let (x, y) = (2.0 * y + 1.0, (x as f32 as f64) + 1.0);
        format!(r#"{{"t_ms":{},"accX":{x},"accY":{y}}}"#, 10 * number)
    };
    let expected = results((0..100).map(swapped), "anomaly");
    let expected: Vec<Value> = expected.iter().map(|result| result["score"].clone()).collect();
    assert!(expected.len() > 3);
    assert_eq!(found, expected);
    let other = Incoming {
        origin: &Origin::Topic("plant/3/accel".to_owned()),
        payload: b"{}",
        arrival_ns: 0,
    };
    assert!(matches!(core.message(other, &mut |_| {}), Err(Refused::NoSource(_))));
}

#[test]
fn every_model_answers_the_streams_that_have_its_channels() {
    let (mut core, mut found) = (core(10), Vec::new());
    swap(&mut core, named("a", model("anomaly", 1)), &mut found);
    swap(&mut core, named("r", model("regression", 1)), &mut found);
    (0..100).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    for (name, of_model) in [("a", "anomaly"), ("r", "regression")] {
        let alone = results((0..100).map(row), of_model);
        let own: Vec<&Value> = found.iter().filter(|result| result["model"] == name).collect();
        assert_eq!(own.len(), alone.len());
        for (own, alone) in own.iter().zip(&alone) {
            assert_eq!((&own["id"], &own["end_s"]), (&alone["id"], &alone["end_s"]));
        }
    }
    let sequences: Vec<u64> =
        found.iter().map(|result| result["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (0..found.len() as u64).collect::<Vec<_>>());
    found.clear();
    core.take_out("a", &mut |_| {});
    (100..200).for_each(|number| give(&mut core, "s", &row(number), &mut found));
    assert!(!found.is_empty() && found.iter().all(|result| result["model"] == "r"));
    assert_eq!(core.dropped_samples()["no_model"], 0);
}

#[test]
fn a_source_can_name_its_models() {
    let mut plan = plan(10);
    let models = Some(vec!["r".to_owned()]);
    plan.sources = [Source { models, ..source("only/{machine}") }, source("all/{machine}")].into();
    let mut core = core_of(plan, Book::default());
    swap(&mut core, named("a", model("anomaly", 1)), &mut Vec::new());
    swap(&mut core, named("r", model("regression", 1)), &mut Vec::new());
    let mut models_of = |topic: &str| {
        let lines = (0..60).flat_map(|number| on_topic(&mut core, topic, &row(number), 0));
        let models = lines.map(|(_, result)| result["model"].as_str().unwrap().to_owned());
        models.collect::<std::collections::BTreeSet<String>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(models_of("only/p"), ["r"]);
    assert_eq!(models_of("all/q"), ["a", "r"]);
}

#[test]
fn a_unit_that_differs_is_told_and_not_answered() {
    let wanted = model("anomaly", 1).manifest.pipeline.channels[0].unit.clone();
    let Some(wanted) = wanted else { panic!("the released model has units") };
    let mapped = |unit: &str| MappedChannel {
        name: "accX".to_owned(),
        unit: Some(unit.to_owned()),
        scale: 1.0,
        offset: 0.0,
    };
    let mut plan = plan(10);
    let with = |unit| HashMap::from([("accX".to_owned(), mapped(unit))]);
    plan.sources = [
        Source { channels: with("furlong"), ..source("wrong/{machine}") },
        Source { channels: with(&wanted), ..source("right/{machine}") },
    ]
    .into();
    let mut core = core_of(plan, Book::default());
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    let mut count = |topic: &str| -> usize {
        (0..60).map(|number| on_topic(&mut core, topic, &row(number), 0).len()).sum()
    };
    assert_eq!(count("wrong/p"), 0);
    assert!(count("right/q") > 0);
    let report = core.reports().into_iter().find(|report| report.stream == "p").unwrap();
    assert!(report.mismatch.unwrap().contains("comes in furlong, the model wants"));
}

#[test]
fn a_stream_that_sends_nothing_for_long_is_forgotten_and_stays_counted() {
    let mut plan = plan(1);
    plan.expire_ns = 1000;
    let mut core = core_of(plan, Book::default());
    swap(&mut core, model("anomaly", 1), &mut Vec::new());
    on_topic(&mut core, "cirame/samples/a", &row(0), 5);
    core.tick(1005, &mut |_| {});
    assert_eq!(core.streams(), 1);
    core.tick(1006, &mut |_| {});
    assert_eq!((core.streams(), core.samples_seen(), core.counts().expired_streams), (0, 1, 1));
    on_topic(&mut core, "cirame/samples/b", &row(0), 2000);
    assert_eq!(core.samples_seen(), 2);
}

#[test]
fn two_shards_answer_every_stream_once() {
    let run = |shard: Option<&str>| {
        let mut plan = plan(100);
        plan.shard = shard.map(|text| text.parse().unwrap());
        let mut core = core_of(plan, Book::default());
        swap(&mut core, model("anomaly", 1), &mut Vec::new());
        let mut ids = Vec::new();
        for number in 0..40 {
            for stream in 0..20 {
                let topic = format!("cirame/samples/pump-{stream}");
                let lines = on_topic(&mut core, &topic, &row(number), 0);
                ids.extend(lines.into_iter().map(|(_, line)| line["id"].to_string()));
            }
        }
        ids.sort();
        ids
    };
    let (first, second, all) = (run(Some("1/2")), run(Some("2/2")), run(None));
    assert!(!first.is_empty() && !second.is_empty());
    let mut both = [first, second].concat();
    both.sort();
    assert_eq!(both, all);
}
