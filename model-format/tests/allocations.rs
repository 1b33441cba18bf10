//! A message buffer that has read one message reads the next of its kind without allocating.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use model_format::payload::Format;
use model_format::payload::message::{Arrival, Message, Reading, Times};
use model_format::payload::time::TimeFormat;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ten messages of one kind: other times and values, the same names.
struct Case {
    what: &'static str,
    reading: Reading,
    message: fn(u32) -> Vec<u8>,
}

fn cases() -> Vec<Case> {
    let of = |format| Reading { format, ..Reading::default() };
    let json = |what, message| Case { what, reading: Reading::json(Times::found()), message };
    let named = Times::named("at.sent", Some(TimeFormat::Seconds));
    let positions = ["t_ms", "x", "y"].map(str::to_owned).to_vec();
    vec![
        json("a flat object", |n| format!(r#"{{"t_ms":{n},"x":0.{n},"y":-{n}e3}}"#).into()),
        json("a nested object with a date", |n| {
            format!(r#"{{"time":"2026-11-28T09:30:00.{n}Z","acc":{{"x":1.5,"y":[{n},2]}}}}"#).into()
        }),
        json("a date without an offset", |n| {
            format!(r#"{{"time":"2026-11-28 09:30:00.{n}","x":{n}}}"#).into()
        }),
        json("named values", |n| {
            format!(r#"[{{"t_ms":{n},"name":"x","value":0.5,"unit":"g"}},{{"name":"y","value":{n},"t_ms":1}}]"#).into()
        }),
        json("a table with times", |n| {
            format!(r#"{{"channels":["x","y"],"units":["g",null],"t_ns":[{n},5],"values":[[1,{n}],[3,4]]}}"#).into()
        }),
        json("a table with a start", |n| {
            format!(r#"{{"channels":["x"],"t_ns":{n},"rate_hz":100,"values":[[1],[{n}]]}}"#).into()
        }),
        Case {
            what: "a named time",
            reading: Reading::json(named),
            message: |n| format!(r#"{{"at":{{"sent":{n}.5}},"x":1}}"#).into(),
        },
        Case {
            what: "values by position",
            reading: Reading { positions, ..of(Format::Json) },
            message: |n| format!("[[{n},1,2],[{n}1,3,4]]").into(),
        },
        Case {
            what: "CBOR",
            reading: of(Format::Cbor),
            // {"t_ms": n, "acc": {"x": 1.5}, "y": [n, 2.0]}
            message: |n| {
                let n = n as u8;
                let head = b"\xa3\x64t_ms\x18".to_vec();
                let rest =
                    [b"\x63acc\xa1\x61x\xf9\x3e\x00\x61y\x82\x18", &[n][..], b"\xf9\x40\x00"];
                [&head[..], &[n], &rest.concat()].concat()
            },
        },
        Case {
            what: "a CBOR table with decimal fractions",
            reading: of(Format::Cbor),
            message: |n| {
                let head = b"\xa3\x68channels\x81\x61x\x64t_ns\x81\x18".to_vec();
                [&head[..], &[n as u8], b"\x66values\x81\x81\xc4\x82\x20\x19\x01", &[n as u8]]
                    .concat()
            },
        },
        Case {
            what: "SenML",
            reading: of(Format::SenmlJson),
            message: |n| {
                format!(r#"[{{"bn":"urn:dev:1:","bt":1.7e9,"bu":"V","n":"x","v":{n}}},{{"n":"y","t":-{n},"vb":true}}]"#).into()
            },
        },
        Case {
            what: "SenML in CBOR",
            reading: of(Format::SenmlCbor),
            message: |n| [b"\x81\xa2\x00\x61x\x02\x18", &[n as u8][..]].concat(),
        },
        Case {
            what: "line protocol",
            reading: of(Format::Influx),
            message: |n| {
                format!(
                    "m,unit=a\\ b x\\ 1=0.5,y={n}i,s=\"te\\\"xt\" 17000000000000000{n}\nm z={n}"
                )
                .into()
            },
        },
        Case {
            what: "a number",
            reading: of(Format::Number),
            message: |n| format!(" {n}.25\n").into(),
        },
    ]
}

#[test]
fn the_second_message_of_a_kind_allocates_nothing() {
    let arrival = Arrival { time_ns: 1_767_225_700_000_000_000, channel: Some("x") };
    // Every kind alone, and all of them in turn through one buffer.
    let mut shared = Message::default();
    let mut read = 0;
    for round in 0..2 {
        for Case { what, reading, message } in cases() {
            let mut own = Message::default();
            for n in 30..40 {
                let payload = message(n);
                for (buffer, is_first) in [(&mut own, n == 30), (&mut shared, round == 0)] {
                    let before = ALLOCATIONS.load(Ordering::Relaxed);
                    buffer.read(&payload, &reading, arrival).expect("the message is sound");
                    let taken = ALLOCATIONS.load(Ordering::Relaxed) - before;
                    assert!(is_first || taken == 0, "{what}: {taken} allocations in message {n}");
                    assert!(buffer.samples().all(|sample| sample.fault.is_none()), "{what}");
                    read += buffer.len();
                }
            }
        }
    }
    assert!(read > 400, "{read} samples");
}
