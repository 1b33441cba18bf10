#![no_main]

use model_format::payload::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::message(Format::Influx, data));
