//! Samples and bytes per second of every payload format on one core, as JSON lines.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use model_format::payload::Format;
use model_format::payload::message::{Arrival, Message, Reading};

/// Short measurements, of which the best one counts: other work on the machine only slows down.
const ROUNDS: usize = 200;
const ROUND: Duration = Duration::from_millis(2);

const NAMES: [&str; 3] = ["acc.x", "acc.y", "acc.z"];

fn main() {
    let objects = |count: usize| {
        let object = |row| {
            let [x, y, z] = values(row);
            format!(r#"{{"t_ns":{},"acc":{{"x":{x},"y":{y},"z":{z}}}}}"#, time_ns(row))
        };
        (0..count).map(object).collect::<Vec<_>>()
    };
    measure("json_object", Format::Json, objects(1)[0].as_bytes());
    measure("json_array_100", Format::Json, format!("[{}]", objects(100).join(",")).as_bytes());
    measure("json_table_100", Format::Json, json_table(100).as_bytes());
    measure("cbor_object", Format::Cbor, &cbor_object(0));
    measure("cbor_table_100", Format::Cbor, &cbor_table(100));
    measure("senml_json_100", Format::SenmlJson, senml_json(100).as_bytes());
    measure("senml_cbor_100", Format::SenmlCbor, &senml_cbor(100));
    measure("influx_100", Format::Influx, influx(100).as_bytes());
    measure("number", Format::Number, b"61.53");
}

fn measure(name: &str, format: Format, payload: &[u8]) {
    let reading = Reading { format, ..Reading::default() };
    let arrival = Arrival { time_ns: time_ns(0), channel: Some("acc.x") };
    let mut message = Message::default();
    let mut pass = || {
        message.read(black_box(payload), &reading, arrival).expect("the payload is sound");
        message.len()
    };
    let samples = pass();
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let mut passes = 0;
            while start.elapsed() < ROUND {
                black_box(pass());
                passes += 1;
            }
            start.elapsed().as_secs_f64() / f64::from(passes)
        })
        .fold(f64::MAX, f64::min);
    let line = serde_json::json!({
        "name": name,
        "samples_per_s": samples as f64 / best,
        "us_per_message": best * 1e6,
        "mb_per_s": payload.len() as f64 / best / 1e6,
    });
    println!("{line}");
}

fn time_ns(row: usize) -> i64 {
    1_764_322_000_000_000_000 + row as i64 * 1_000_000
}

/// Numbers with as many digits as sensors send.
fn values(row: usize) -> [f32; 3] {
    let row = row as f32;
    [row.sin(), (row * 0.7).cos() * 9.81, row * 0.125 - 3.0]
}

fn json_table(rows: usize) -> String {
    let row = |row| {
        let [x, y, z] = values(row);
        format!("[{x},{y},{z}]")
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    let (names, start) = (NAMES.join("\",\""), time_ns(0));
    format!(
        r#"{{"channels":["{names}"],"t_ns":{start},"rate_hz":1000,"values":[{}]}}"#,
        rows.join(",")
    )
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(0x60 | text.len() as u8);
    out.extend(text.as_bytes());
}

fn float(value: f32, out: &mut Vec<u8>) {
    out.push(0xfa);
    out.extend(value.to_be_bytes());
}

fn long(value: i64, out: &mut Vec<u8>) {
    out.push(0x1b);
    out.extend(value.to_be_bytes());
}

fn cbor_object(row: usize) -> Vec<u8> {
    let mut out = vec![0xa2];
    text("t_ns", &mut out);
    long(time_ns(row), &mut out);
    text("acc", &mut out);
    out.push(0xa3);
    for (name, value) in ["x", "y", "z"].iter().zip(values(row)) {
        text(name, &mut out);
        float(value, &mut out);
    }
    out
}

fn cbor_table(rows: usize) -> Vec<u8> {
    let mut out = vec![0xa4];
    text("channels", &mut out);
    out.push(0x83);
    NAMES.iter().for_each(|name| text(name, &mut out));
    text("t_ns", &mut out);
    long(time_ns(0), &mut out);
    text("rate_hz", &mut out);
    float(1000.0, &mut out);
    text("values", &mut out);
    out.extend([0x98, rows as u8]);
    for row in 0..rows {
        out.push(0x83);
        values(row).iter().for_each(|value| float(*value, &mut out));
    }
    out
}

fn senml_json(records: usize) -> String {
    let mut out = format!(r#"[{{"bn":"pump:","bt":{},"bu":"m/s2"}}"#, time_ns(0) / 1_000_000_000);
    for record in 0..records {
        let (name, value) = (NAMES[record % 3], values(record)[record % 3]);
        write!(out, r#",{{"n":"{name}","t":{record},"v":{value}}}"#).expect("it is text");
    }
    out + "]"
}

fn senml_cbor(records: usize) -> Vec<u8> {
    let mut out = vec![0x98, records as u8];
    for record in 0..records {
        out.extend([0xa3, 0x00]);
        text(NAMES[record % 3], &mut out);
        out.extend([0x06, 0x18, record as u8, 0x02]);
        float(values(record)[record % 3], &mut out);
    }
    out
}

fn influx(lines: usize) -> String {
    let line = |row| {
        let ([x, y, z], time_ns) = (values(row), time_ns(row));
        format!("accel,machine=pump1 acc.x={x},acc.y={y},acc.z={z} {time_ns}\n")
    };
    (0..lines).map(line).collect()
}
