#![no_main]

use model_format::payload::edge_impulse::{Acquisition, read_labels};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(acquisition) = Acquisition::read(data) {
        let sensors = acquisition.sensors.len();
        assert_eq!(acquisition.values.len(), acquisition.rows() * sensors);
        assert!(acquisition.rate_hz() >= 0.0);
        assert!(acquisition.values.iter().all(|value| !value.is_infinite()));
        let again = Acquisition::read(data).expect("it was read before");
        let bits = |acquisition: &Acquisition| -> Vec<u32> {
            acquisition.values.iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&acquisition), bits(&again));
    }
    for acquisition in Acquisition::read_cbor(data).unwrap_or_default() {
        let sensors = acquisition.sensors.len();
        assert_eq!(acquisition.values.len(), acquisition.rows() * sensors);
        let place = acquisition.signature.place(data);
        assert!(place.is_none_or(|place| place.end <= data.len()));
    }
    if let Ok(labels) = read_labels(data) {
        let again = read_labels(data).expect("they were read before");
        assert!(labels.iter().map(|file| &file.label).eq(again.iter().map(|file| &file.label)));
    }
});
