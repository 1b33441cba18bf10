//! Signatures of models: with keys on the device, nothing serves that was not signed.

use std::fs;
use std::path::PathBuf;

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, SigningKey};
use model_format::id::Digest;
use model_format::protocol::{ModelSignature, signed_text};

use super::scripted_trainer::ScriptedTrainer;
use super::{TestDevice, artifact, until};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn sign(key: &SigningKey, bytes: &[u8]) -> ModelSignature {
    ModelSignature::new(key.sign(&signed_text(Digest::of(bytes))).to_bytes())
}

/// The public key in a file as openssl writes it.
fn key_file(device: &TestDevice, key: &SigningKey) -> PathBuf {
    let path = device.path().join("trusted.pem");
    let text = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// A device that trusts one key.
fn trusting() -> TestDevice {
    let mut device = TestDevice::new();
    device.keys = vec![key_file(&device, &key(1))];
    device
}

#[test]
fn a_signed_model_serves_and_its_signature_is_looked_at_again_at_each_start() {
    let (trainer, device) = (ScriptedTrainer::start(), trusting());
    let bytes = artifact("regression");
    trainer.deploy_as("pump", "one", &bytes, |model| model.signature = Some(sign(&key(1), &bytes)));
    let running = device.start(&trainer);
    running.until_serving("one");
    running.answer_windows();
    until("it is trusted", || device.slots()["candidate"].is_null());
    running.link.end();
    let running = device.start_alone();
    assert!(running.service.serves(&bytes));
    running.link.end();
    // Another key is trusted by now.
    key_file(&device, &key(2));
    let running = device.start_alone();
    assert!(running.service.served().is_empty());
    let reason = running.until_failed("one");
    assert!(reason.contains("none of the 1 keys"), "{reason}");
    running.link.end();
}

#[test]
fn without_a_good_signature_nothing_looks_into_the_file() {
    let good = artifact("regression");
    let of_another = sign(&key(1), &artifact("anomaly"));
    let cases = [None, Some(sign(&key(2), &good)), Some(of_another)];
    for signature in cases {
        let (trainer, device) = (ScriptedTrainer::start(), trusting());
        trainer.deploy_as("pump", "one", &good, |model| model.signature = signature);
        let running = device.start(&trainer);
        let reason = running.until_failed("one");
        assert!(reason.contains("signature"), "{reason}");
        assert!(running.service.served().is_empty());
        running.link.end();
    }
    // What is no model at all is refused for its signature, not for its content.
    let (trainer, device) = (ScriptedTrainer::start(), trusting());
    trainer.deploy("one", b"not a model");
    let running = device.start(&trainer);
    let reason = running.until_failed("one");
    assert!(reason.contains("has no signature"), "{reason}");
    running.link.end();
}

#[test]
fn the_same_model_with_another_signature_is_checked_anew() {
    let (trainer, device) = (ScriptedTrainer::start(), trusting());
    let bytes = artifact("regression");
    trainer.deploy_as("pump", "one", &bytes, |model| model.signature = Some(sign(&key(1), &bytes)));
    let running = device.start(&trainer);
    running.until_serving("one");
    trainer.deploy_as("pump", "two", &bytes, |_| {});
    assert!(running.until_failed("two").contains("has no signature"));
    running.link.end();
}

#[test]
fn a_model_of_the_command_line_has_its_signature_beside_it() {
    let mut device = trusting();
    let bytes = artifact("regression");
    let path = device.path().join("pump.onnx");
    fs::write(&path, &bytes).unwrap();
    device.given = vec![path.clone()];
    let error = format!("{:#}", device.start_with(None).err().expect("it is not signed"));
    assert!(error.contains("has no signature"), "{error}");
    fs::write(path.with_extension("onnx.sig"), sign(&key(1), &bytes).bytes()).unwrap();
    let running = device.start_alone();
    assert!(running.service.serves(&bytes));
    running.link.end();
    fs::write(path.with_extension("onnx.sig"), b"short").unwrap();
    let error = format!("{:#}", device.start_with(None).err().expect("it is no signature"));
    assert!(error.contains("64 bytes"), "{error}");
}

#[test]
fn keys_in_the_state_folder_count_and_what_is_no_key_ends_the_program() {
    let device = TestDevice::new();
    let folder = device.path().join("keys");
    fs::create_dir(&folder).unwrap();
    fs::copy(key_file(&device, &key(1)), folder.join("plant.pem")).unwrap();
    let trainer = ScriptedTrainer::start();
    trainer.deploy("one", &artifact("regression"));
    let running = device.start(&trainer);
    assert!(running.until_failed("one").contains("has no signature"));
    running.link.end();
    fs::write(folder.join("plant.pem"), "-----BEGIN PUBLIC KEY-----\nAAAA\n").unwrap();
    let error = format!("{:#}", device.start_with(None).err().expect("it is no key"));
    assert!(error.contains("plant.pem holds no Ed25519 public key"), "{error}");
}
