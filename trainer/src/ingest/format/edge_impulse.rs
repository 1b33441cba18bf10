//! Edge Impulse acquisition files, in JSON and in CBOR.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use model_format::payload::edge_impulse::{
    Acquisition, EdgeImpulseError, FILE_BYTES_MAX, Signature, Written,
};
use sha2::Sha256;

use super::super::acquired::{Acquired, NameIsLabel, check_options};
use super::super::files::{PlannedFile, read_whole};
use super::super::{ImportError, ImportOptions, ImportedFile, ImportedRecording, Reading};
use super::FileFormat;

pub(super) fn import(
    file: &PlannedFile,
    options: &ImportOptions,
    reading: &mut Reading<'_>,
) -> Result<(ImportedFile, bool), ImportError> {
    check_options(file, options, true)?;
    let bytes = read_whole(&file.path, FILE_BYTES_MAX as u64)?;
    let wrong = |source| ImportError::EdgeImpulse { path: file.path.clone(), source };
    let acquisitions = match file.format {
        FileFormat::EdgeImpulseCbor => Acquisition::read_cbor(&bytes),
        _ => Acquisition::read_json(&bytes),
    };
    let acquisitions = acquisitions.map_err(wrong)?;
    if acquisitions.is_empty() {
        return Err(wrong(EdgeImpulseError::Several(0)));
    }
    let several = acquisitions.len() > 1;
    let mut recordings = Vec::with_capacity(acquisitions.len());
    for (number, acquisition) in acquisitions.into_iter().enumerate() {
        let note = signature(file, options, &bytes, &acquisition.signature)?;
        let suffix = if several { format!("#{}", number + 1) } else { String::new() };
        recordings.push(recording(file, options, reading, acquisition, suffix, note)?);
    }
    Ok((ImportedFile { path: file.path.clone(), recordings }, true))
}

fn recording(
    file: &PlannedFile,
    options: &ImportOptions,
    reading: &Reading<'_>,
    acquisition: Acquisition,
    suffix: String,
    note: Option<String>,
) -> Result<ImportedRecording, ImportError> {
    let rate_hz = acquisition.rate_hz();
    let rows = acquisition.rows();
    let width = acquisition.sensors.len();
    let tag = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    let tags =
        [tag("device_name", acquisition.device_name), tag("device_type", acquisition.device_type)];
    let sensors = acquisition.sensors.into_iter();
    let acquired = Acquired {
        suffix,
        channels: sensors.map(|sensor| (sensor.name, sensor.units)).collect(),
        rate_hz: Some(rate_hz),
        label: acquisition.label,
        tags: tags.into_iter().flatten().collect::<BTreeMap<_, _>>(),
        left_out: Vec::new(),
        notes: note.into_iter().collect(),
    };
    let values = acquisition.values;
    let value = |row: usize, channel: usize| values[row * width + channel];
    acquired.at_rate(file, options, reading, rows, value, NameIsLabel::Yes)
}

/// Verifies the signature where there is a key for it; says what should be known where not.
fn signature(
    file: &PlannedFile,
    options: &ImportOptions,
    bytes: &[u8],
    signature: &Signature,
) -> Result<Option<String>, ImportError> {
    let Signature::Signed { code, written } = signature else {
        return match options.hmac_key {
            None => Ok(None),
            Some(_) => Err(file.undecided(
                "it is not signed, and --hmac-key says that it should be",
                "import it apart without the key if you trust where it comes from",
            )),
        };
    };
    let Some(key) = &options.hmac_key else {
        return Ok(Some("the signature was not verified".to_owned()));
    };
    let Some(place) = signature.place(bytes) else {
        let found = "the text of its signature stands in it several times, or in another form";
        return Err(file.undecided(found, "import it without --hmac-key if you trust it"));
    };
    let zero = match written {
        Written::Hex(_) => b'0',
        Written::Bytes => 0,
    };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&bytes[..place.start]);
    mac.update(&vec![zero; place.len()]);
    mac.update(&bytes[place.end..]);
    match mac.verify_slice(code) {
        Ok(()) => Ok(Some("the signature was verified".to_owned())),
        Err(_) => Err(file.undecided(
            "its signature is not that of the key of --hmac-key",
            "the key is another one, or the file was changed after it was signed",
        )),
    }
}
