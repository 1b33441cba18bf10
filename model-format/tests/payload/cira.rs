//! CiRA CBOR: the predecessor's recordings.

use model_format::payload::cira::{CiraFile, CiraSample};

/// `{"samples": [{"class_name": "idle", "data": [1, -2.5, null]}]}`, after RFC 8949.
const SAMPLES: &[u8] =
    b"\xa1\x67samples\x81\xa2\x6aclass_name\x64idle\x64data\x83\x01\xf9\xc1\x00\xf6";

/// `{"metadata": {"channels": ["b", "a"], "sampling_rate": 50}, "data": {"a": [1], "b": [2, 3]}}`.
const CHANNELS: &[u8] = b"\xa2\x68metadata\xa2\x68channels\x82\x61b\x61a\x6dsampling_rate\x18\x32\
    \x64data\xa2\x61a\x81\x01\x61b\x82\x02\x03";

fn refusal(bytes: &[u8]) -> String {
    CiraFile::read(bytes).unwrap_err().to_string()
}

#[test]
fn both_layouts_are_read() {
    let Ok(CiraFile::Samples(samples)) = CiraFile::read(SAMPLES) else { panic!("samples") };
    let CiraSample { class, values } = &samples[0];
    assert_eq!(class.as_deref(), Some("idle"));
    assert!(values[..2] == [1.0, -2.5] && values[2].is_nan());
    let read = CiraFile::read(CHANNELS).unwrap();
    let channels = vec![("b".to_owned(), vec![2.0, 3.0]), ("a".to_owned(), vec![1.0])];
    assert_eq!(read, CiraFile::Channels { rate_hz: Some(50.0), label: None, channels });
}

#[test]
fn what_is_in_neither_layout_says_so() {
    assert!(refusal(b"\xa1\x61x\x01").contains("neither `samples` nor `data`"));
    assert!(refusal(b"\xa1\x64data\xa0").contains("`data` has 0 channels"));
    assert!(refusal(b"\xa1\x64data\xa2\x61a\x80\x61a\x80").contains("twice"));
    let unknown = b"\xa2\x68metadata\xa1\x68channels\x81\x61z\x64data\xa1\x61a\x80";
    assert!(refusal(unknown).contains("names the channel `z`"));
    let rate = b"\xa2\x68metadata\xa1\x6dsampling_rate\x00\x64data\xa1\x61a\x80";
    assert!(refusal(rate).contains("no number above 0"));
    let large = b"\xa1\x64data\xa1\x61a\x81\xfb\x7f\xef\xff\xff\xff\xff\xff\xff";
    assert!(refusal(large).contains("not a finite 32-bit number"));
}

#[test]
fn truncated_bytes_are_refused() {
    for bytes in [SAMPLES, CHANNELS] {
        for end in 0..bytes.len() {
            assert!(CiraFile::read(&bytes[..end]).is_err(), "{end}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(CiraFile::read(&longer).is_err());
    }
}
