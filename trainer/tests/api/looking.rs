//! Looking at data: spectra, spectrograms and overviews, by the API and on the command line.

use serde_json::{Value, json};

use crate::client::Client;
use crate::service::Place;

/// Position and place of the largest value.
fn largest(values: &[Value]) -> usize {
    let value = |at: &usize| values[*at].as_f64().unwrap();
    (0..values.len()).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap()
}

fn refused(client: &Client, path: &str, field: &str) {
    assert_eq!(client.get(path).problem(422, "invalid")["field"], field, "{path}");
}

#[test]
fn an_imbalance_is_seen_at_the_frequency_of_the_shaft() {
    let place = Place::new();
    place.run("simulate vibration --classes imbalance --per-class 1 --seconds 8 --into pump");
    let said = place.command("--json spectrum pump imbalance_load40_0 --channels accX").output();
    let said: Value = serde_json::from_slice(&said.unwrap().stdout).unwrap();
    let service = place.serve("");
    let admin = service.admin();
    let version = admin.get("/api/data/datasets/pump/versions/1").expect(200).json();
    let id = version["recordings"][0]["recording_id"].as_str().unwrap();
    let path = format!("/api/data/recordings/{id}/spectrum");
    let found =
        admin.get(&format!("{path}?segment_rows=2000&channels=accX,accZ")).expect(200).json();
    assert_eq!((found["segments"].clone(), found["hop_rows"].clone()), (json!(7), json!(1000)));
    let density = found["channels"][0]["density"].as_array().unwrap();
    let hz = found["frequencies_hz"][largest(density)].as_f64().unwrap();
    // 24.8 Hz less 1.2 % slip at 40 % load.
    assert!((24.0..25.0).contains(&hz), "{hz}");
    let usual = admin.get(&format!("{path}?channels=accX")).expect(200).json();
    assert_eq!(usual, said);
    let path = format!("/api/data/recordings/{id}/spectrogram");
    let asked = format!("{path}?channel=accX&segment_rows=500&columns=4");
    let found = admin.get(&asked).expect(200).json();
    assert_eq!(found["columns"].as_array().unwrap().len(), 4);
    for column in found["columns"].as_array().unwrap() {
        let hz = &found["frequencies_hz"][largest(column.as_array().unwrap())];
        assert!((22.0..28.0).contains(&hz.as_f64().unwrap()), "{hz}");
    }
    let spectrum = format!("/api/data/recordings/{id}/spectrum");
    refused(&admin, &format!("{spectrum}?channels=accQ"), "channels");
    refused(&admin, &format!("{spectrum}?segment_rows=4"), "segment_rows");
    refused(&admin, &format!("{spectrum}?from_row=9000"), "from_row");
    refused(&admin, &format!("{path}?channel=accX&columns=0"), "columns");
    let other = service.user(&admin, "bob");
    other.get(&spectrum).problem(404, "not_found");
}

#[test]
fn an_overview_tells_classes_copies_and_leaks() {
    let place = Place::new();
    place
        .run("simulate vibration --classes normal,imbalance --per-class 2 --seconds 4 --into pump");
    place.run("simulate vibration --classes normal,imbalance --per-class 2 --seconds 4 again");
    for name in ["normal_load40_0", "imbalance_load40_0"] {
        let (from, to) =
            (place.beside(&format!("again/{name}.csv")), place.beside(&format!("{name}_b.csv")));
        std::fs::rename(from, to).unwrap();
    }
    place.run("import pump normal_load40_0_b.csv --time t_ns --label-from column:label");
    let said =
        place.command("--json datasets overview pump --test recording:*_b.csv").output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let service = place.serve("");
    let admin = service.admin();
    let path = "/api/data/datasets/pump/versions/2/overview";
    let found = admin.get(&format!("{path}?test=recording:*_b.csv")).expect(200).json();
    assert_eq!(found, said);
    let classes = found["classes"].as_array().unwrap();
    assert_eq!((&classes[0]["class"], &classes[0]["rows"]), (&json!("imbalance"), &json!(8000)));
    assert_eq!((&classes[1]["recordings"], &classes[1]["seconds"]), (&json!(3), &json!(12.0)));
    assert_eq!(found["duplicates"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["leaks"].as_array().unwrap().len(), 1, "{found}");
    let leak = &found["leaks"][0];
    assert!(leak["tested"].as_str().unwrap().ends_with("_b.csv"), "{leak}");
    assert!(!leak["learned"].as_str().unwrap().ends_with("_b.csv"), "{leak}");
    assert!(leak["reason"].as_str().unwrap().contains("100 %"), "{leak}");
    assert!(found["notes"][0].as_str().unwrap().contains("imbalance"));
    assert_eq!(admin.get(path).expect(200).json()["split"], Value::Null);
    refused(&admin, &format!("{path}?test=recording:nothing"), "test");
    refused(&admin, &format!("{path}?test=nothing"), "test");
}

#[test]
fn the_same_file_under_two_names_comes_in_and_is_told() {
    let place = Place::new();
    place.run("simulate motion --classes wave --per-class 1 --seconds 8 files");
    std::fs::copy(place.beside("files/wave_0.csv"), place.beside("files/wave_1.csv")).unwrap();
    place.run("import hand files --time t_ns --label-from column:label");
    let said = place.command("--json datasets overview hand --test recording:wave_1.csv").output();
    let said: Value = serde_json::from_slice(&said.unwrap().stdout).unwrap();
    assert_eq!(said["duplicates"][0]["is_identical"], true, "{said}");
    assert_eq!(said["leaks"].as_array().unwrap().len(), 1);
}
