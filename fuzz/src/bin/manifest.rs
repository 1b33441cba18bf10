#![no_main]

use model_format::manifest::Manifest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else { return };
    let checked = manifest.check().map_err(|error| error.to_string());
    assert_eq!(checked, manifest.check().map_err(|error| error.to_string()));
    if checked.is_err() {
        return;
    }
    let text = manifest.to_canonical_json().expect("a checked manifest can be written");
    let again: Manifest = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, manifest);
    assert_eq!(again.to_canonical_json().expect("as before"), text);
});
