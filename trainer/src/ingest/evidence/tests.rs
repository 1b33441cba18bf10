//! Tests of proposals: which ones are made of what, and that taking them makes the import succeed.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::ColumnRole;
use crate::importing::preview::{ImportPreview, preview};
use crate::ingest::{self, Destination, ImportError, ImportSettings, ImportedFile, Looking, Plan};
use crate::progress::Cancelled;

/// What is found in these files, with nothing given.
fn found(files: &[(&str, &[u8])]) -> ImportPreview {
    found_with(files, ImportSettings::default())
}

fn found_with(files: &[(&str, &[u8])], settings: ImportSettings) -> ImportPreview {
    let folder = laid_out(files);
    preview(&look(folder.path()).unwrap(), settings, &[])
}

fn look(folder: &Path) -> Result<Plan, ImportError> {
    ingest::look(&[folder.to_owned()], Looking::new(folder))
}

fn laid_out(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn import(folder: &Path, settings: &ImportSettings) -> Result<Vec<ImportedFile>, ImportError> {
    struct Silent;
    impl ingest::Progress for Silent {
        fn file(&mut self, _: &Path, _: u64, _: u64) {}
        fn bytes(&mut self, _: u64, _: u64) -> Result<(), Cancelled> {
            Ok(())
        }
    }
    let plan = ingest::plan(&[folder.to_owned()], Looking::new(folder))?;
    let options = settings.parse().expect("completed options are options");
    let mut files = Vec::new();
    let mut sink = |_: &ingest::PlannedFile, file| {
        files.push(file);
        Ok::<_, ImportError>(())
    };
    ingest::import(&plan, &options, Destination::Memory, &mut Silent, &mut sink)?;
    Ok(files)
}

fn role(preview: &ImportPreview, column: &str) -> ColumnRole {
    let columns = &preview.table.as_ref().expect("there is a table").columns;
    columns.iter().find(|c| c.name == column).unwrap_or_else(|| panic!("no {column}")).role
}

fn proposed<'a>(preview: &'a ImportPreview, option: &str) -> Vec<&'a str> {
    let proposals = preview.proposals.iter().filter(|proposal| proposal.option == option);
    proposals.map(|proposal| proposal.value.as_str()).collect()
}

/// Rows of a table: so many, each made by `row`.
fn rows(header: &str, count: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = format!("{header}\n");
    (0..count).for_each(|number| text += &(row(number) + "\n"));
    text.into_bytes()
}

#[test]
fn a_plain_table_is_understood_and_says_why() {
    let table = rows("t_ms,accX [m/s2],temp_C,note,label", 100, |row| {
        let class = if row < 50 { "idle" } else { "worn" };
        format!("{},{}.5,21.{row},ok,{class}", 20 * row, row % 7)
    });
    let found = found(&[("a.csv", &table)]);
    assert_eq!(found.refusal, None);
    assert_eq!(role(&found, "t_ms"), ColumnRole::Time);
    assert_eq!(role(&found, "accX [m/s2]"), ColumnRole::Channel);
    assert_eq!(role(&found, "label"), ColumnRole::Label);
    assert_eq!(role(&found, "note"), ColumnRole::Ignored);
    assert_eq!(proposed(&found, "time_unit"), ["ms"]);
    assert_eq!(proposed(&found, "units"), ["accX [m/s2]=m/s2", "temp_C=°C"]);
    let time = &found.table.as_ref().unwrap().columns[0];
    assert!(time.evidence.contains("50 rows per second"), "{}", time.evidence);
    let classes: Vec<_> = found.classes.iter().map(|c| (c.class.as_str(), c.files)).collect();
    assert_eq!(classes, [("idle", 1), ("worn", 1)]);
    assert_eq!((found.recordings, found.rows), (1, Some(100)));
}

#[test]
fn given_options_win() {
    let table = rows("t_ms,a,b,label", 50, |row| format!("{},{row}.5,1.5,x", 20 * row));
    let settings = ImportSettings {
        rate_hz: Some("50".to_owned()),
        label_from: Some("value:idle".to_owned()),
        ignore_columns: vec!["b".to_owned()],
        ..ImportSettings::default()
    };
    let found = found_with(&[("a.csv", &table)], settings);
    assert_eq!(found.refusal, None);
    assert_eq!(found.options.time, None);
    assert_eq!(found.options.rate_hz.as_deref(), Some("50"));
    assert_eq!(found.options.label_from.as_deref(), Some("value:idle"));
    assert_eq!(found.options.ignore_columns, ["b", "t_ms", "label"]);
    assert_eq!((found.classes[0].class.as_str(), found.classes.len()), ("idle", 1));
}

#[test]
fn nothing_is_proposed_for_what_is_decided() {
    let table = rows("t_ms,cycle,p_bar,note,unit,label", 60, |row| {
        format!("{},{row},{row}.5,ok,{},x", 20 * row, row / 30)
    });
    let folder = laid_out(&[("a.csv", &table)]);
    let plan = look(folder.path()).unwrap();
    let open = preview(&plan, ImportSettings::default(), &[]);
    for proposal in &open.proposals {
        let decided = [proposal.option.clone()];
        let found = preview(&plan, ImportSettings::default(), &decided);
        assert!(proposed(&found, &proposal.option).is_empty(), "{}", proposal.option);
    }
    let options: Vec<&str> = open.proposals.iter().map(|p| p.option.as_str()).collect();
    for option in ["time", "time_unit", "recording_column", "label_from", "ignore_columns", "units"]
    {
        assert!(options.contains(&option), "{option} was not proposed: {options:?}");
    }
    let decided = ["ignore_columns".to_owned(), "units".to_owned()];
    let settings =
        ImportSettings { ignore_columns: vec!["note".to_owned()], ..ImportSettings::default() };
    let found = preview(&plan, settings, &decided);
    assert_eq!((role(&found, "cycle"), found.refusal.as_deref()), (ColumnRole::Channel, None));
    assert!(found.options.units.is_empty());
}

#[test]
fn the_unit_of_times_is_proposed_from_what_leaves_one_alone_and_left_open_otherwise() {
    for (step, start, unit) in [
        ("10", 0.0, Some("ms")),
        ("0.01", 0.0, Some("s")),
        ("20000", 0.0, Some("us")),
        ("1", 1_700_000_000.0, Some("s")),
        ("10", 1_700_000_000_000.0, Some("ms")),
        ("1", 0.0, None),
        ("1000", 0.0, None),
    ] {
        let step: f64 = step.parse().unwrap();
        let table = rows("time,a", 30, |row| format!("{},{row}.25", start + step * row as f64));
        let found = found(&[("a.csv", &table)]);
        assert_eq!(found.options.time_unit.as_deref(), unit, "{start} + {step}");
        assert_eq!(found.refusal.is_none(), unit.is_some(), "{:?}", found.refusal);
        if let Some(refusal) = found.refusal {
            assert!(refusal.contains("`time_unit: s`"), "{refusal}");
            assert_eq!(role(&self::found(&[("a.csv", &table)]), "time"), ColumnRole::Undecided);
        }
    }
}

#[test]
fn recordings_are_told_apart_where_the_time_begins_anew() {
    let table = rows("machine,t_s,a", 90, |row| {
        format!("{},{},{row}.5", row / 30, 0.1 * (row % 30) as f64)
    });
    let found = found(&[("a.csv", &table)]);
    assert_eq!(role(&found, "machine"), ColumnRole::Recording);
    assert_eq!((found.recordings, found.refusal), (3, None));
    let turbofan = rows("unit,cycle,s1,rul", 120, |row| {
        format!("{},{},{}.5,{}", row / 40, row % 40, row % 11, 119 - row)
    });
    let found = self::found(&[("a.csv", &turbofan)]);
    assert_eq!(role(&found, "unit"), ColumnRole::Recording);
    assert_eq!(role(&found, "cycle"), ColumnRole::Ignored);
    assert_eq!(role(&found, "rul"), ColumnRole::Target);
    assert_eq!(found.refusal, None);
}

#[test]
fn folders_hold_the_label_where_no_column_does() {
    let table = rows("t_s,a", 20, |row| format!("{},{row}.5", 0.1 * row as f64));
    let files = [("worn/1.csv", &table[..]), ("worn/2.csv", &table), ("new/1.csv", &table)];
    let found = found(&files);
    assert_eq!(proposed(&found, "label_from"), ["folder"]);
    let classes: Vec<_> = found.classes.iter().map(|c| (c.class.as_str(), c.files)).collect();
    assert_eq!(classes, [("new", 1), ("worn", 2)]);
    assert_eq!((found.recordings, found.rows, found.refusal), (3, Some(60), None));
}

#[test]
fn two_columns_that_may_be_the_label_are_left_to_the_user() {
    let table = rows("t_s,a,shift,mood", 40, |row| {
        let (shift, mood) = (["early", "late"][row / 20], ["good", "bad"][row % 2]);
        format!("{},{row}.5,{shift},{mood}", 0.1 * row as f64)
    });
    let found = found(&[("a.csv", &table)]);
    assert_eq!(role(&found, "shift"), ColumnRole::Undecided);
    assert_eq!(found.options.label_from, None);
    assert!(found.refusal.unwrap().contains("`label_from: column:shift`"));
}

#[test]
fn what_cannot_be_read_is_the_refusal_and_names_file_and_line() {
    let good = rows("t_s,a", 20, |row| format!("{},{row}.5", 0.1 * row as f64));
    let mut torn = good.clone();
    torn.extend_from_slice(b"2.1,1,2\n");
    for (content, part) in [
        (&b""[..], "is empty"),
        (&torn, "line 22 has 3 cells"),
        (b"t_s,a\n0,\xff\n", "UTF-8"),
        (b"0,1\n0.1,2\n", "no column names"),
        (b"t_s,a\n0,1\n0.1,zwei\n0.2,3\n", "zwei"),
        (b"t_s,b\n0,1\n0.1,1\n", "no column"),
    ] {
        let found = found(&[("good.csv", &good), ("odd.csv", content)]);
        let refusal = found.refusal.unwrap_or_default();
        // A table that lacks a column is refused only where an option names that column.
        if part != "no column" {
            assert!(refusal.contains("odd.csv") && refusal.contains(part), "{part}: {refusal}");
        }
        assert_eq!(found.files.len(), 2);
    }
}

#[test]
fn files_of_edge_impulse_say_everything_themselves() {
    let file = br#"{"protected":{"ver":"v1","alg":"none"},"signature":"0","payload":{
        "device_type":"X","interval_ms":10,"sensors":[{"name":"accX","units":"m/s2"}],
        "values":[1,2,3]}}"#;
    let found = found(&[("idle.1.json", file), ("spin.1.json", file), ("read.me", b"x")]);
    assert_eq!(found.refusal, None);
    assert!(found.proposals.is_empty(), "{:?}", found.proposals);
    let column = &found.table.as_ref().unwrap().columns[0];
    assert_eq!((column.name.as_str(), column.unit.as_deref()), ("accX", Some("m/s2")));
    assert_eq!((found.classes.len(), found.recordings, found.rows), (2, 2, Some(6)));
    assert_eq!(found.skipped.len(), 1);
}

/// A dialect and shape of tables.
#[derive(Clone, Debug)]
struct Shape {
    comma: bool,
    time: u8,
    label: u8,
    row_count: usize,
    file_count: usize,
    channels: usize,
}

fn shape() -> impl Strategy<Value = Shape> {
    let shape = (any::<bool>(), 0..6_u8, 0..4_u8, 0..70_usize, 1..5_usize, 1..4_usize);
    shape.prop_map(|(comma, time, label, row_count, file_count, channels)| Shape {
        // In a table of one column, a decimal comma cannot be told from a delimiter.
        comma: comma && (channels > 1 || time > 0),
        time,
        label,
        // The unit of bare numbers shows in how they rise.
        row_count: if time == 5 { row_count.max(2) } else { row_count.max(1) },
        file_count,
        channels,
    })
}

impl Shape {
    fn decimal(&self, number: f64) -> String {
        let text = format!("{number:.3}");
        if self.comma { text.replace('.', ",") } else { text }
    }

    fn time(&self, row: usize) -> Option<(&'static str, String)> {
        Some(match self.time {
            0 => return None,
            1 => ("t_ms", (20 * row).to_string()),
            2 => ("time (s)", self.decimal(0.02 * row as f64)),
            3 => ("timestamp", format!("{}", 1_700_000_000_000_u64 + 20 * row as u64)),
            4 => ("when", format!("2026-11-24 09:{:02}:{:02}.250", row / 60, row % 60)),
            _ => ("Time", (25 * row).to_string()),
        })
    }

    /// The name and content of a file.
    fn file(&self, number: usize) -> (String, Vec<u8>) {
        let class = ["idle", "worn"][number % 2];
        let sign = if self.comma { ";" } else { "," };
        let cells = |row: usize| {
            let mut cells: Vec<(String, String)> = Vec::new();
            cells.extend(self.time(row).map(|(name, text)| (name.to_owned(), text)));
            for channel in 0..self.channels {
                let value = ((row * 7919 + channel) % 100) as f64 / 7.0;
                cells.push((format!("ch{channel}"), self.decimal(value)));
            }
            if self.label == 1 {
                cells.push(("label".to_owned(), class.to_owned()));
            }
            cells
        };
        let join = |cells: Vec<String>| cells.join(sign) + "\n";
        let mut text = join(cells(0).into_iter().map(|(name, _)| name).collect());
        for row in 0..self.row_count {
            text += &join(cells(row).into_iter().map(|(_, text)| text).collect());
        }
        let name = match self.label {
            2 => format!("{class}/{number}.csv"),
            3 => format!("{class}.{number}.csv"),
            _ => format!("rec{number}.csv"),
        };
        (name, text.into_bytes())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn taking_what_is_proposed_makes_the_import_succeed(shape in shape()) {
        let files: Vec<_> = (0..shape.file_count).map(|number| shape.file(number)).collect();
        let named: Vec<_> = files.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect();
        let folder = laid_out(&named);
        let plan = look(folder.path()).unwrap();
        let found = preview(&plan, ImportSettings::default(), &[]);
        prop_assert_eq!(&found.refusal, &None);
        let imported = import(folder.path(), &found.options);
        prop_assert!(imported.is_ok(), "{:?}", imported);
        let imported = imported.unwrap();
        let recordings: Vec<_> = imported.iter().flat_map(|file| &file.recordings).collect();
        let rows: usize = recordings.iter().map(|item| item.entry.info.rows as usize).sum();
        prop_assert_eq!(found.rows, Some(rows as u64));
        prop_assert_eq!(found.recordings, recordings.len() as u64);
        let channels = |c: usize| c == shape.channels;
        prop_assert!(recordings.iter().all(|item| channels(item.entry.info.channels.len())));
        if shape.row_count > 1 && shape.time > 0 {
            prop_assert!(recordings.iter().all(|item| item.entry.info.rate_hz.is_some()));
        }
        if shape.label == 1 || shape.label == 2 && shape.file_count > 1 {
            prop_assert!(recordings.iter().all(|item| item.entry.annotation.labels.len() == 1));
        }
        // What was proposed is now given, and nothing more is proposed.
        let again = preview(&plan, found.options.clone(), &[]);
        prop_assert_eq!(&again.options, &found.options);
        prop_assert!(again.proposals.is_empty(), "{:?}", again.proposals);
    }

    #[test]
    fn whatever_a_file_holds_there_is_an_answer_that_the_import_agrees_with(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "[-a-c0-9,;.\"\n\t: ]{0,300}".prop_map(String::into_bytes),
            "(t,a,b\n)([0-9]{1,3},[0-9a]{1,3},[0-9]?\n){0,20}".prop_map(String::into_bytes),
        ],
    ) {
        let folder = laid_out(&[("worn/odd.csv", &bytes), ("odd.json", &bytes)]);
        for part in ["worn", "."] {
            let folder = folder.path().join(part);
            let plan = look(&folder).unwrap();
            let found = preview(&plan, ImportSettings::default(), &[]);
            let imported = import(&folder, &found.options);
            let refused = found.refusal.is_some() || plan.files.is_empty();
            prop_assert_eq!(refused, imported.is_err(), "{:?}", imported);
        }
    }
}
