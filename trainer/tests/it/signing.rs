//! Keys, signatures and bundles: made by the program, checked by others.

use std::process::Command;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, VerifyingKey};
use model_format::bundle::Bundle;
use model_format::id::Digest;
use model_format::protocol::signed_text;

use crate::program::Program;

const TRAIN: &str = "train pump --name m -e random_forest_classifier -p n_estimators=5 --window-samples 128 \
                     --features rms,std";

#[test]
fn a_key_signs_a_file_and_a_stored_model_and_the_bundle_carries_it() {
    let program = Program::new();
    program.run("keygen -o plant.pem");
    let refused = program.refusal("keygen -o plant.pem");
    assert!(refused.contains("plant.pem cannot be made"), "{refused}");
    let public = std::fs::read_to_string(program.path("plant.pub.pem")).unwrap();
    let key = VerifyingKey::from_public_key_pem(&public).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(program.path("plant.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    program.run("simulate vibration --into pump --seconds 4 --classes normal,imbalance,cavitation");
    let trained = program.run(TRAIN);
    program.run("export m -o m.onnx");
    let signed = program.run("sign m.onnx --key plant.pem");
    let bytes = std::fs::read(program.path("m.onnx")).unwrap();
    let signature = std::fs::read(program.path("m.onnx.sig")).unwrap();
    let check = |bytes: &[u8]| {
        let text = signed_text(Digest::of(bytes));
        key.verify_strict(&text, &Signature::from_slice(&signature).unwrap())
    };
    assert!(check(&bytes).is_ok());
    assert!(check(b"another file").is_err());

    let bundle = program.run("bundle m -o m.bundle");
    assert_eq!(bundle["is_signed"], false);
    let stored = program.run("sign m@1 --key plant.pem");
    assert_eq!(stored["signature"], signed["signature"], "the same file, the same key");
    let bundle = program.run("bundle m -o m.bundle");
    assert_eq!(bundle["is_signed"], true);
    let bundle = Bundle::read(&std::fs::read(program.path("m.bundle")).unwrap()).unwrap();
    assert_eq!((bundle.facts.model.as_str(), bundle.facts.version), ("m", 1));
    assert_eq!(bundle.artifact, bytes);
    assert_eq!(bundle.signature.unwrap().bytes()[..], signature[..]);
    assert_eq!(bundle.proof, trained["report"]["proof"]);

    std::fs::write(program.path("other.sig"), [7; 64]).unwrap();
    let attached = program.run("sign m@1 --signature other.sig");
    assert_ne!(attached["signature"], signed["signature"]);
    std::fs::write(program.path("other.sig"), [7; 63]).unwrap();
    assert!(program.refusal("sign m@1 --signature other.sig").contains("63 bytes"));
    assert!(program.refusal("sign m@1 --key plant.pub.pem").contains("no Ed25519 private key"));
}

#[test]
fn openssl_checks_what_is_signed_here_and_signs_what_is_taken_here() {
    let program = Program::new();
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(program.path("")).args(arguments.split_whitespace());
        let output = command.output().expect("openssl is there");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::fs::write(program.path("m.onnx"), b"any file").unwrap();
    let digest = Digest::of(b"any file");
    // The text as the documentation makes it, without this project's code.
    std::fs::write(program.path("text"), format!("cirame-model-1\n{digest}\n")).unwrap();
    program.run("keygen -o plant.pem");
    program.run("sign m.onnx --key plant.pem");
    let (checks, said) =
        openssl("pkeyutl -verify -rawin -pubin -inkey plant.pub.pem -in text -sigfile m.onnx.sig");
    assert!(checks, "{said}");

    let (made, said) = openssl("genpkey -algorithm ed25519 -out theirs.pem");
    assert!(made, "{said}");
    let (made, said) = openssl("pkeyutl -sign -rawin -inkey theirs.pem -in text -out theirs.sig");
    assert!(made, "{said}");
    // Ed25519 gives one signature for one text and key: theirs is ours.
    program.run("sign m.onnx --key theirs.pem");
    let ours = std::fs::read(program.path("m.onnx.sig")).unwrap();
    assert_eq!(ours, std::fs::read(program.path("theirs.sig")).unwrap());
}
