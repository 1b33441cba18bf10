//! Labels by the command line.

use serde_json::json;

use crate::program::Program;

#[test]
fn labels_are_changed_shown_and_restored_and_the_history_tells_it() {
    let program = Program::new();
    program.run("simulate vibration --seconds 2 --per-class 1 --seed 3 --into pump");
    let shown = program.run("labels show pump");
    let name = shown.as_object().unwrap().keys().next().unwrap().clone();
    let changed = program.run(&format!("labels assign pump {name} fault --rows 100..200"));
    assert_eq!((&changed["version"], &changed["changed"]), (&json!(2), &json!(true)));
    let copied = program.run("labels copy pump --set wear --comment again");
    assert_eq!(copied["version"], 3);
    program.run("labels rename pump fault worn --set wear");
    let wear = program.run(&format!("labels show pump {name} --set wear"));
    assert_eq!(wear[&name][1], json!({ "from_row": 100, "to_row": 200, "class": "worn" }));
    assert_eq!(program.run(&format!("labels clear pump {name} --rows 0..50"))["version"], 5);
    assert_eq!(program.run("labels restore pump 1")["version"], 6);
    assert_eq!(program.run("labels show pump"), shown);
    let history = program.text("labels history pump");
    for part in ["(again)", "the command line", "rename \"fault\" to \"worn\"", "wear"] {
        assert!(history.contains(part), "{part}: {history}");
    }
    let refusal = program.refusal(&format!("labels split pump {name} 9999999"));
    assert!(refusal.contains("nothing to split"), "{refusal}");
    let refusal = program.refusal("labels show pump --set waer");
    assert!(refusal.contains("wear"), "{refusal}");
}
