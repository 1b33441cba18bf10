//! Features that need to know the machine: from options and columns to the same answers everywhere.

use serde_json::{Value, json};

use crate::program::Program;

fn notes(trained: &Value) -> String {
    trained["report"]["notes"].to_string()
}

#[test]
fn a_bearing_is_watched_at_its_own_frequencies() {
    let program = Program::new();
    program.run(
        "simulate vibration --seconds 16 --per-class 3 --classes normal,bearing,inner_race --into pump",
    );
    let train = "train pump --name m -e random_forest_classifier --channels accY --window-samples 2000 \
                 --features bearing,velocity,envelope,orders --envelope-band 200..450 \
                 --shaft 24.2hz --speed-tolerance 0.04 --bearing 9,7.94,39.04 \
                 --iso-20816-3 medium:rigid";
    let trained = program.run(train);
    let report = &trained["report"];
    assert_eq!((&report["proof"]["passed"], notes(&trained).is_empty()), (&true.into(), false));
    let machine = &report["pipeline"]["machine"];
    assert_eq!(machine["acceleration_unit"], "m/s2", "the channels' own unit");
    assert_eq!(machine["velocity_band"], json!({ "low_hz": 10.0, "high_hz": 500.0 }));
    assert_eq!(machine["orders"], json!([1.0, 2.0, 3.0]));
    assert_eq!(machine["shaft"], json!({ "speed": { "hz": 24.2 }, "tolerance": 0.04 }));
    // Orders behind the last one are not missed.
    assert_eq!(report["pipeline"]["features"].as_array().unwrap().len(), 4 + 1 + 3 + 3);
    let told = notes(&trained);
    for part in ["10 to 500 Hz", "mm/s in the median", "zone", "B to 2.8", "orders 1, 2 and 3"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let evaluation = &report["evaluation"]["model"];
    assert!(evaluation["accuracy"].as_f64().unwrap() > 0.9, "{evaluation}");
    assert_eq!(program.run("retrain --check m")["same"], true);
    program.run("export m -o m.onnx");
    assert_eq!(program.run("prove m.onnx")["passed"], true);
}

#[test]
fn a_channel_may_measure_the_speed() {
    let program = Program::new();
    for (name, rpm, order) in [("slow", 900.0, 1.0), ("fast", 1500.0, 1.0), ("loose", 1200.0, 0.5)]
    {
        let mut text = "t_s,acc,speed\n".to_owned();
        for row in 0..4000u64 {
            let turns = rpm / 60.0 * row as f64 / 500.0;
            let noise = (row * row % 97) as f64 / 970.0;
            let acc = (std::f64::consts::TAU * order * turns).sin() + noise;
            text += &format!("{},{acc:.4},{rpm}\n", row as f64 / 500.0);
        }
        std::fs::write(program.path(&format!("{name}.csv")), text).unwrap();
    }
    program
        .run("import shaft slow.csv fast.csv loose.csv --time t_s --label-from filename:{label}");
    let train = "train shaft --name m -e decision_tree_classifier --window-samples 500 --split time \
                 --shaft speed:rpm --orders 0.5,1 --features orders,pairs";
    let trained = program.run(train);
    let features = &trained["report"]["pipeline"]["features"];
    // The speed has no orders of its own.
    assert_eq!(
        *features,
        json!(["acc.order_power_1", "acc.order_power_2", "acc.correlation_speed"])
    );
    assert_eq!(trained["report"]["proof"]["passed"], true);
}

#[test]
fn what_the_machine_cannot_be_is_refused_with_what_to_change() {
    let program = Program::new();
    program
        .run("simulate vibration --seconds 4 --per-class 2 --classes normal,bearing --into pump");
    let train = "train pump -e random_forest_classifier --window-samples 1000";
    for (arguments, parts) in [
        ("--features bearing", &["machine.shaft", "--shaft"][..]),
        ("--features bearing --shaft 24hz", &["machine.bearing", "--bearing"]),
        ("--features band_energy", &["machine.bands", "--band"]),
        ("--features band_energy --band 100..600", &["machine.bands[0]", "500 Hz or below"]),
        ("--features velocity --velocity-band 0.5..400", &["2000 samples"]),
        ("--features velocity --acceleration-unit g", &["g", "m/s2"]),
        ("--features orders --shaft speed:rpm", &["\"speed\"", "which has accX"]),
        ("--features orders --shaft 1797", &["1797rpm"]),
        ("--features rms --bearing 9,7.94,39.04", &["machine.bearing", "no feature"]),
        ("--features accX.correlation", &["accX.correlation_accY"]),
        ("--speed-tolerance 0.01", &["--shaft"]),
    ] {
        let refusal = program.refusal(&format!("{train} {arguments}"));
        for part in parts {
            assert!(refusal.contains(part), "{arguments}: {part} is missing in {refusal}");
        }
    }
    let text = program.text("features velocity_rms");
    for part in ["mm/s", "0 or more", "velocity_band", "not in `all`"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}
