#![no_main]

use model_format::payload::cira::{CiraFile, CiraSample};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let finite = |values: &[f32]| values.iter().all(|value| !value.is_infinite());
    match CiraFile::read(data) {
        Ok(CiraFile::Samples(samples)) => {
            assert!(samples.iter().all(|CiraSample { values, .. }| finite(values)));
        }
        Ok(CiraFile::Channels { channels, rate_hz, .. }) => {
            assert!(!channels.is_empty() && channels.iter().all(|(_, values)| finite(values)));
            assert!(rate_hz.is_none_or(|rate| rate > 0.0));
        }
        Err(_) => {}
    }
});
