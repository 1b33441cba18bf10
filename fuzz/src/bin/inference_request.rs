#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_runtime::fuzzing::inference_request(data));
