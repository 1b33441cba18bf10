//! Messages of the protocol version before, as programs of that version wrote them, and what versions
//! say to each other.

use serde_json::Value;

use super::*;

/// What a device of version 1 sent.
const HEARTBEAT_1: &str = include_str!("tests/heartbeat-1.json");
/// What a trainer of version 1 answered.
const DESIRED_1: &str = include_str!("tests/desired-1.json");
/// What a device of version 1 sent to enrol.
const ENROLMENT_1: &str = include_str!("tests/enrolment-1.json");

#[test]
fn a_heartbeat_of_version_1_is_read() {
    let heartbeat: Heartbeat = serde_json::from_str(HEARTBEAT_1).unwrap();
    assert_eq!(heartbeat.protocol_version, 1);
    assert!(check_device_version(heartbeat.protocol_version).is_ok());
    assert_eq!(heartbeat.serving.unwrap().deployment_id.as_deref(), Some("0197-one"));
    assert_eq!(heartbeat.deployment.unwrap().state, DeploymentState::Serving);
    assert!(heartbeat.models.is_empty());
    let enrolment: EnrolmentRequest = serde_json::from_str(ENROLMENT_1).unwrap();
    assert!(check_device_version(enrolment.protocol_version).is_ok());
}

#[test]
fn a_heartbeat_in_the_words_of_version_1_is_what_version_1_wrote() {
    // A trainer of version 1 refuses names that it does not know.
    let heartbeat: Heartbeat = serde_json::from_str(HEARTBEAT_1).unwrap();
    let written: Value = serde_json::to_value(&heartbeat).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(HEARTBEAT_1).unwrap());
}

#[test]
fn an_answer_of_version_1_desires_one_model() {
    let desired: DesiredState = serde_json::from_str(DESIRED_1).unwrap();
    assert_eq!(desired.protocol_version, None);
    let models = desired.into_models();
    assert_eq!(models.len(), 1);
    assert_eq!((models[0].model.as_str(), models[0].version), ("pump", 3));
    assert!(models[0].limits.is_empty() && models[0].signature.is_none());
}

#[test]
fn an_answer_to_a_device_of_version_1_has_what_it_reads() {
    let mut desired: DesiredState = serde_json::from_str(DESIRED_1).unwrap();
    desired.protocol_version = Some(PROTOCOL_VERSION);
    desired.models = Some(desired.model.clone().into_iter().collect());
    let written = serde_json::to_value(&desired).unwrap();
    for (name, value) in serde_json::from_str::<Value>(DESIRED_1).unwrap().as_object().unwrap() {
        assert_eq!(&written[name], value, "{name}");
    }
}

#[test]
fn an_empty_list_of_models_takes_all_away_whatever_stands_beside_it() {
    let mut desired: DesiredState = serde_json::from_str(DESIRED_1).unwrap();
    desired.models = Some(Vec::new());
    assert!(desired.into_models().is_empty());
}

#[test]
fn versions_too_far_apart_say_which_side_to_upgrade() {
    assert!(check_device_version(PROTOCOL_VERSION).is_ok());
    let old = check_device_version(PROTOCOL_VERSION_MIN - 1).unwrap_err();
    assert!(old.contains("upgrade the device") && old.contains("systemctl restart"), "{old}");
    let young = check_device_version(PROTOCOL_VERSION + 1).unwrap_err();
    assert!(young.contains("upgrade the trainer"), "{young}");
    assert_eq!(version_to_speak(PROTOCOL_VERSION_MIN), Ok(PROTOCOL_VERSION_MIN));
    assert_eq!(version_to_speak(PROTOCOL_VERSION + 1), Ok(PROTOCOL_VERSION));
    let old = version_to_speak(PROTOCOL_VERSION_MIN - 1).unwrap_err();
    assert!(old.contains("upgrade the trainer"), "{old}");
    let young = version_to_speak(PROTOCOL_VERSION + 2).unwrap_err();
    assert!(young.contains("upgrade the device"), "{young}");
}

#[test]
fn limits_that_mean_nothing_are_refused() {
    let good = Limits {
        latency_p99_us_max: Some(500),
        memory_bytes_max: Some(50_000_000),
        failed_share_max: Some(0.0),
    };
    assert_eq!(good.check(), Ok(()));
    assert_eq!(Limits::default().check(), Ok(()));
    for share in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        assert!(Limits { failed_share_max: Some(share), ..good }.check().is_err(), "{share}");
    }
    assert!(Limits { latency_p99_us_max: Some(0), ..good }.check().is_err());
    assert!(Limits { memory_bytes_max: Some(0), ..good }.check().is_err());
}

#[test]
fn signatures_are_64_bytes_in_files_and_base64_in_json() {
    let signature = ModelSignature::from_file(&[7; 64]).unwrap();
    let json = serde_json::to_string(&signature).unwrap();
    assert_eq!(serde_json::from_str::<ModelSignature>(&json).unwrap(), signature);
    for length in [0, 63, 65] {
        assert!(ModelSignature::from_file(&vec![7; length]).is_err(), "{length}");
    }
    assert!(serde_json::from_str::<ModelSignature>("\"not base64\"").is_err());
}
