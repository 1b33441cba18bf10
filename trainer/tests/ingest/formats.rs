//! Files that other programs wrote, in every format: each value, time and label comes out as it went in.
//!
//! `reference/formats.py` writes the files with pandas, pyarrow, openpyxl, cbor2, and Python's own csv,
//! wave, json and hmac, and what must come out of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Folder, Imported, import, spans};

const KEY: &str = "fed53116f20684c067774ebf9e7bcbdc";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/formats").join(name)
}

fn recordings(name: &str, options: &str) -> Vec<Imported> {
    let files = import(&path(name), options).unwrap_or_else(|error| panic!("{name}: {error}"));
    files.into_iter().flat_map(|file| file.recordings).map(Imported::from).collect()
}

fn refusal(name: &str, options: &str) -> String {
    import(&path(name), options).unwrap_err().to_string()
}

/// Compares the first recording of a file with what was written into it.
fn check(name: &str, options: &str) {
    let all: Value = serde_json::from_str(include_str!("../reference/formats.json")).unwrap();
    let expected = &all[name];
    let found = &recordings(name, options)[0];
    let times: Vec<i64> = serde_json::from_value(expected["time_ns"].clone()).unwrap();
    assert_eq!(found.recording.time_ns, times, "{name}");
    let channels = expected["channels"].as_object().unwrap();
    assert_eq!(found.recording.channels.len(), channels.len(), "{name}");
    for channel in &found.recording.channels {
        let values: Vec<Option<f32>> =
            serde_json::from_value(channels[&channel.name].clone()).unwrap();
        let got: Vec<Option<f32>> =
            channel.values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect();
        assert_eq!(got, values, "{name}, {}", channel.name);
    }
    if let Some(labels) = expected.get("labels") {
        let labels: Vec<(u64, u64, String)> = serde_json::from_value(labels.clone()).unwrap();
        let labels: Vec<_> =
            labels.iter().map(|(a, b, class)| format!("{a}-{b} {class}")).collect();
        assert_eq!(spans(found), labels, "{name}");
    }
}

#[test]
fn tables_of_other_programs_come_out_as_they_went_in() {
    let options = "--time time --label-from column:mode";
    for name in [
        "table_ms.parquet",
        "table_us.parquet",
        "table_ns.parquet",
        "table.xlsx",
        "table_utf16le.csv",
        "table_utf16be.csv",
        "table_utf8_mark.csv",
    ] {
        check(name, options);
    }
    check("table_european.csv", &format!("{options} --skip-lines 3 --encoding windows-1252"));
    check("blanks.txt", "--columns cycle,s1,s2 --rate-hz 20 --label-from none");
    check("windows.csv", "--window-axes x,y --rate-hz 100 --label-from column:label");
}

#[test]
fn a_table_asks_for_what_its_text_does_not_say() {
    let options = "--time time --label-from column:mode";
    let encoding = refusal("table_european.csv", &format!("--format csv {options} --skip-lines 3"));
    assert!(encoding.contains("--encoding windows-1252"), "{encoding}");
    let above = refusal("table_european.csv", &format!("{options} --encoding windows-1252"));
    assert!(above.contains("Logger") && above.contains("`--skip-lines 2`"), "{above}");
    let header = refusal("blanks.txt", "--rate-hz 20 --label-from none");
    assert!(header.contains("`--columns numbered`"), "{header}");
    let names = refusal("blanks.txt", "--columns a,b --rate-hz 20 --label-from none");
    assert!(names.contains("2 columns are named, but the first row has 3 cells"), "{names}");
    let rate = refusal("windows.csv", "--window-axes x,y --rate-hz none --label-from column:label");
    assert!(rate.contains("`--rate-hz HZ`"), "{rate}");
    let axes = refusal("windows.csv", "--window-axes x,y,z --rate-hz 9 --label-from column:label");
    assert!(axes.contains("8 values, which are no whole samples of 3 axes"), "{axes}");
}

#[test]
fn acquisitions_come_out_as_they_went_in_and_signatures_are_verified() {
    for name in ["signed.json", "signed.cbor"] {
        check(name, &format!("--hmac-key {KEY}"));
        let verified = &recordings(name, &format!("--hmac-key {KEY}"))[0];
        assert_eq!(verified.notes, ["the signature was verified"]);
        assert_eq!(recordings(name, "")[0].notes, ["the signature was not verified"]);
        let wrong = refusal(name, "--hmac-key another");
        assert!(wrong.contains("is not that of the key"), "{wrong}");
    }
    let mut changed = std::fs::read_to_string(path("signed.json")).unwrap();
    changed = changed.replacen("\"interval_ms\": 10", "\"interval_ms\": 20", 1);
    let folder = Folder::new(&[("changed.json", &changed)]);
    let refused = folder.refusal("changed.json", &format!("--hmac-key {KEY}"));
    assert!(refused.contains("was changed after it was signed"), "{refused}");
    check("unsigned.cbor", "");
    check("payload.json", "");
    let unsigned = refusal("unsigned.cbor", &format!("--hmac-key {KEY}"));
    assert!(unsigned.contains("it is not signed"), "{unsigned}");
    let several: Vec<String> =
        recordings("several.json", "").into_iter().map(|one| one.recording.name).collect();
    assert_eq!(several, ["several.json#1", "several.json#2"]);
}

#[test]
fn the_predecessors_files_are_read_in_both_layouts() {
    check("cira_samples.cbor", "--rate-hz 50");
    let names: Vec<String> = recordings("cira_samples.cbor", "--rate-hz 50")
        .iter()
        .map(|one| spans(one)[0].clone())
        .collect();
    assert_eq!(names, ["0-12 idle", "0-8 spin"]);
    let refused = refusal("cira_samples.cbor", "");
    assert!(refused.contains("add `--rate-hz HZ`"), "{refused}");
    check("cira_channels.cbor", "");
    let channels = &recordings("cira_channels.cbor", "")[0];
    assert_eq!(channels.notes, ["`b` ends 4 rows before the others"]);
    let refused = refusal("cira_channels.cbor", "--rate-hz 100");
    assert!(refused.contains("it says 50 Hz, --rate-hz says 100"), "{refused}");
}

#[test]
fn senml_records_of_one_time_make_a_row_and_sound_is_a_part_of_full_scale() {
    for name in ["pack.senml.json", "pack.senmlc"] {
        check(name, "--label-from none");
        let pack = &recordings(name, "--label-from none")[0];
        assert!(pack.recording.absolute_time);
        assert_eq!(pack.recording.rate_hz, Some(1.0));
        assert_eq!(pack.recording.channels[0].unit.as_deref(), Some("Cel"));
        assert!(refusal(name, "").contains("--label-from value:CLASS"));
    }
    check("sound.wav", "--label-from value:hum");
    assert_eq!(recordings("sound.wav", "--label-from none")[0].recording.rate_hz, Some(8000.0));
}

#[test]
fn a_format_is_seen_in_the_content_and_can_be_said() {
    let folder = Folder::new(&[]);
    for (name, as_name, options) in [
        ("table.xlsx", "a.dat", "--time time --label-from column:mode"),
        ("table_us.parquet", "a.bin", "--time time --label-from column:mode"),
        ("signed.cbor", "idle.1", ""),
        ("sound.wav", "a", "--label-from none"),
        ("pack.senmlc", "b.cbor", "--label-from none"),
    ] {
        std::fs::copy(path(name), folder.path(as_name)).unwrap();
        if name != "table.xlsx" {
            assert_eq!(folder.recordings(as_name, options).len(), 1, "{name}");
        }
    }
    let said = folder.recordings("a.dat", "--format xlsx --time time --label-from column:mode");
    assert_eq!(said.len(), 1);
    let wrong = folder.refusal("a.bin", "--format wav --label-from none");
    assert!(wrong.contains("is no WAV file that can be read"), "{wrong}");
}

#[test]
fn what_is_known_and_not_read_says_what_to_save_instead() {
    for (name, head, part) in [
        ("a.mat", &b"MATLAB 5.0 MAT-file, Platform: GLNXA64"[..], "writetable"),
        ("b.mat", b"\x89HDF\r\n\x1a\n\0\0\0\0", "HDF5"),
        ("a.tdms", b"TDSm\x0e\0\0\0", "LabVIEW"),
        ("a.mf4", b"MDF     4.10", "MDF"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xlsx or CSV"),
        ("a.csv.gz", b"\x1f\x8b\x08\0", "gunzip"),
        ("a.npy", b"\x93NUMPY\x01\0", "NumPy"),
        ("a.bin", b"\x07\x01\x02\x03\0\0\0", "`--format csv`"),
    ] {
        let folder = Folder::new(&[]);
        std::fs::write(folder.path(name), head).unwrap();
        let refused = folder.refusal(name, "");
        assert!(refused.contains(part), "{name}: {refused}");
    }
}
