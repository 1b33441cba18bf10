#![no_main]

use model_format::payload::json_lines::{JsonLinesErrorKind, Leaf, Reader};

libfuzzer_sys::fuzz_target!(|data: &[u8]| assert_eq!(read(data), read(data)));

/// How many leaves there are, and a sum over their names and kinds.
fn read(data: &[u8]) -> (usize, u64) {
    let mut reader = Reader::open("x", data);
    let (mut count, mut sum) = (0, 0_u64);
    loop {
        let read = reader.next_line(&mut |name, leaf| {
            count += 1;
            let kind = match leaf {
                Leaf::Integer(value) => value as u64,
                Leaf::Number(value) => value.to_bits(),
                Leaf::Text(text) => text.len() as u64,
                Leaf::Bool(value) => value.into(),
                Leaf::Null => 7,
            };
            sum = sum.wrapping_mul(31).wrapping_add(kind).wrapping_add(name.len() as u64);
            assert!(!leaf.to_f32().is_ok_and(f32::is_infinite));
        });
        match read {
            Ok(true) => {}
            Ok(false) => return (count, sum),
            Err(error) => match error.kind {
                JsonLinesErrorKind::Json(_) => {}
                _ => return (count, sum),
            },
        }
    }
}
