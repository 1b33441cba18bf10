//! CSV files that are imported.

use trainer::recording::Role;

use super::{Folder, names, spans};

#[test]
fn a_time_column_gives_times_and_the_true_rate() {
    let folder = Folder::new(&[("a.csv", "t_ms,x,y\n0,1,2\n16,3,4\n32,5,6\n80,7,8\n80,9,9\n")]);
    let one = folder.one("a.csv", "--time t_ms --label-from value:up");
    assert_eq!(one.recording.name, "a.csv");
    assert_eq!(one.recording.rate_hz, Some(62.5));
    assert_eq!(one.recording.time_ns, [0, 16_000_000, 32_000_000, 80_000_000, 80_000_000]);
    assert!(!one.recording.absolute_time);
    assert_eq!(names(&one), ["x", "y"]);
    assert_eq!(one.recording.channels[1].values, [2.0, 4.0, 6.0, 8.0, 9.0]);
    assert_eq!(spans(&one), ["0-5 up"]);
    let timing = one.timing.unwrap();
    assert_eq!((timing.gaps, timing.duplicates, timing.out_of_order), (1, 1, 0));
}

#[test]
fn date_times_count_from_1970() {
    let text = "datetime;p;anomaly\n2020-02-08 13:30:47;1.5;0.0\n2020-02-08 13:30:48;2.5;1.0\n";
    let folder = Folder::new(&[("a.csv", text)]);
    let one = folder.one("a.csv", "--time datetime --label-from column:anomaly --unit p=bar");
    assert!(one.recording.absolute_time);
    assert_eq!(one.recording.time_ns[0], 1_581_168_647_000_000_000);
    assert_eq!(one.recording.rate_hz, Some(1.0));
    assert_eq!(one.recording.channels[0].unit.as_deref(), Some("bar"));
    assert_eq!(spans(&one), ["0-1 0.0", "1-2 1.0"]);
}

#[test]
fn a_given_rate_places_the_rows() {
    let folder = Folder::new(&[("idle/a.csv", "x\n1\n2\n3\n")]);
    let one = folder.one("", "--rate-hz 12000 --label-from folder");
    assert_eq!(one.recording.name, "idle/a.csv");
    assert_eq!(one.recording.time_ns, [0, 83_333, 166_667]);
    assert_eq!((one.recording.rate_hz, spans(&one)), (Some(12000.0), vec!["0-3 idle".into()]));
    assert!(one.timing.is_none());
}

#[test]
fn rows_without_a_rate_have_a_target() {
    let folder = Folder::new(&[("gt_2014.csv", "AT,TEY\n8.8,126\n9.0,127\n")]);
    let options = "--rate none --target-column TEY --unit TEY=MW --tags-from gt_{year} --tag a=b";
    let one = folder.one("gt_2014.csv", options);
    assert_eq!(one.recording.rate_hz, None);
    assert_eq!(one.recording.time_ns, [0, 1_000_000_000]);
    let roles: Vec<Role> = one.recording.channels.iter().map(|channel| channel.role).collect();
    assert_eq!(roles, [Role::Input, Role::Target]);
    let tags: Vec<_> = one.recording.tags.iter().map(|(a, b)| format!("{a}={b}")).collect();
    assert_eq!(tags, ["a=b", "year=2014"]);
    assert!(one.recording.labels.is_empty());
}

#[test]
fn file_names_give_labels_and_tags() {
    let text = "x\n1\n2\n";
    let folder = Folder::new(&[("hp0_ball_007.csv", text), ("hp3_normal.csv", text)]);
    let found = folder.recordings("", "--rate-hz 1 --label-from filename:{load}_{label}");
    let found: Vec<_> = found
        .iter()
        .map(|one| format!("{} {}", one.recording.tags["load"], one.recording.labels[0].class))
        .collect();
    assert_eq!(found, ["hp0 ball_007", "hp3 normal"]);
    let one = folder.one("hp3_normal.csv", "--rate-hz 1 --label-from filename");
    assert_eq!(spans(&one), ["0-2 hp3_normal"]);
}

#[test]
fn a_label_column_gives_spans_and_empty_cells_none() {
    let folder = Folder::new(&[("a.csv", "x,s\n1,a\n2,a\n3,\n4,b\n5,a\n6,a\n")]);
    let one = folder.one("a.csv", "--rate-hz 1 --label-from column:s");
    assert_eq!(spans(&one), ["0-2 a", "3-4 b", "4-6 a"]);
    assert_eq!(names(&one), ["x"]);
}

#[test]
fn a_recording_column_takes_rows_apart_wherever_they_stand() {
    let text = "unit,x,s\n1,10,a\n2,20,b\n1,11,a\n2,21,c\n";
    let folder = Folder::new(&[("f.csv", text)]);
    let options = "--rate-hz 1 --recording-column unit --label-from column:s";
    let found = folder.recordings("f.csv", options);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].recording.name, "f.csv#1");
    assert_eq!(found[0].recording.tags["unit"], "1");
    assert_eq!(found[1].recording.channels[0].values, [20.0, 21.0]);
    assert_eq!(spans(&found[0]), ["0-2 a"]);
    assert_eq!(spans(&found[1]), ["0-1 b", "1-2 c"]);
    assert_eq!(found[1].recording.time_ns, [0, 1_000_000_000]);
}

#[test]
fn an_index_column_is_left_out_and_said() {
    let text = "\"date\",\"x\"\n\"1\",\"2015-02-04 17:51:00\",5\n\"2\",\"2015-02-04 17:52:00\",6\n";
    let folder = Folder::new(&[("d.txt", text)]);
    let one = folder.one("d.txt", "--time date --label-from none");
    assert_eq!(names(&one), ["x"]);
    assert!(one.left_out[0].contains("left out as an index"), "{:?}", one.left_out);
    assert!((one.recording.rate_hz.unwrap() - 1.0 / 60.0).abs() < 1e-12);
}

#[test]
fn missing_values_are_counted_and_ignored_columns_left_out() {
    let folder = Folder::new(&[("a.csv", "x,y,note\n1,,hot\n,2,cold\n3,NaN,\n")]);
    let one = folder.one("a.csv", "--rate-hz 1 --label-from none --ignore-column note");
    assert_eq!((one.missing_values, names(&one)), (3, vec!["x", "y"]));
    assert!(one.recording.channels[0].values[1].is_nan());
}

#[test]
fn folders_are_taken_in_order_and_other_files_are_listed() {
    let text = "x\n1\n2\n";
    let files = [("b/2.csv", text), ("a/1.tsv", text), ("a/notes.md", "-"), (".git/c.csv", text)];
    let folder = Folder::new(&files);
    let path = folder.path("");
    let looking = trainer::ingest::Looking::new(&path);
    let plan = trainer::ingest::plan(std::slice::from_ref(&path), looking).unwrap();
    let names: Vec<&str> = plan.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a/1.tsv", "b/2.csv"]);
    let skipped: Vec<_> = plan.skipped.iter().map(|file| file.reason.as_str()).collect();
    assert_eq!(skipped, ["hidden", "text whose lines no sign divides alike"]);
}
