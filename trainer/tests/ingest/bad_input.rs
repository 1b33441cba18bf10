//! Input that plants really send: empty, torn, mixed up, hostile. Each is refused with its place, or read
//! as what it is; none takes the program down.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Folder;

const OPTIONS: &str = "--rate-hz 10 --label-from none";

fn refuse(text: &[u8], options: &str, part: &str) {
    let folder = Folder::new(&[]);
    std::fs::write(folder.path("a.csv"), text).unwrap();
    let message = folder.refusal("a.csv", options);
    assert!(message.contains("a.csv: ") && message.contains(part), "{part:?} is not in: {message}");
}

#[test]
fn an_empty_file_and_a_header_alone_are_refused() {
    refuse(b"", OPTIONS, "is empty");
    refuse(b"\n\n", OPTIONS, "is empty");
    refuse(b"x,y\n", OPTIONS, "has names of columns and no rows");
}

#[test]
fn one_row_is_a_recording_and_gives_no_rate() {
    let folder = Folder::new(&[("a.csv", "t_ms,x\n5,1\n")]);
    assert_eq!(
        folder
            .one("a.csv", OPTIONS.replace("--rate-hz 10", "--time t_ms --rate-hz 10").as_str())
            .recording
            .rows(),
        1
    );
    let refused = folder.refusal("a.csv", "--time t_ms --label-from none");
    assert!(refused.contains("there is no rate"), "{refused}");
}

#[test]
fn ten_thousand_columns_are_read_and_one_more_is_refused() {
    let table = |columns: usize| {
        let names: Vec<String> = (0..columns).map(|n| format!("c{n}")).collect();
        format!("{}\n{}\n", names.join(","), vec!["1"; columns].join(","))
    };
    let folder = Folder::new(&[("a.csv", &table(10_000)), ("b.csv", &table(10_001))]);
    assert_eq!(folder.one("a.csv", OPTIONS).recording.channels.len(), 10_000);
    assert!(folder.refusal("b.csv", OPTIONS).contains("has 10001 columns"));
}

#[test]
fn a_line_of_ten_megabytes_is_refused() {
    let long = format!("x,y\n1,{}\n", "9".repeat(10 << 20));
    refuse(long.as_bytes(), OPTIONS, "longer than 1048576 bytes");
    refuse("x".repeat(10 << 20).as_bytes(), OPTIONS, "longer than 1048576 bytes");
}

#[test]
fn nul_bytes_are_refused_wherever_they_stand() {
    refuse(b"x,y\n1,2\n\0\0\0\0\n", OPTIONS, "line 3 has NUL bytes");
    let mut late = b"x,y\n".to_vec();
    late.extend_from_slice(&b"1,2\n".repeat(50_000));
    late.extend_from_slice(&[0; 4096]);
    refuse(&late, OPTIONS, "line 50002");
}

#[test]
fn mixed_types_and_another_number_of_cells_name_the_place() {
    refuse(b"x,y\n1,2\n3,four\n", OPTIONS, "line 3, column `y`: \"four\" is not a number");
    refuse(b"x,y\n1,2\n3\n4,5\n", OPTIONS, "line 3 has 1 cells, the header row has 2");
    refuse(b"x,y\n1,2\n3,4,5\n4,5\n", OPTIONS, "line 3 has 3 cells");
}

#[test]
fn numbers_beyond_what_is_held_are_refused() {
    refuse(b"x\n1\n1e39\n", OPTIONS, "line 3, column `x`: \"1e39\" is not a finite 32-bit number");
    refuse(b"x\n1\n-inf\n", OPTIONS, "is not a finite 32-bit number");
    let times = "t,x\n1,1\n99999999999999999999,2\n";
    refuse(times.as_bytes(), "--time t --time-unit ns --label-from none", "1678 to 2262");
    refuse(b"t,x\n1,1\n1e30,2\n", "--time t --time-unit s --label-from none", "1678 to 2262");
}

#[test]
fn times_that_go_backwards_and_two_devices_in_one_file_are_told() {
    let text = "t_ms,x\n0,1\n10,2\n20,3\n15,4\n30,5\n40,6\n";
    let folder = Folder::new(&[("a.csv", text)]);
    let one = folder.one("a.csv", "--time t_ms --label-from none");
    assert_eq!(one.timing.unwrap().out_of_order, 1);
    assert!(one.advice[0].contains("1 rows go back in time"), "{:?}", one.advice);
    let mut mixed = "t_ms,device,x\n".to_owned();
    for row in 0..200 {
        mixed += &format!("{},pump1,{row}\n{},pump2,{row}\n", 10 * row + 5, 10 * row);
    }
    let folder = Folder::new(&[("a.csv", &mixed)]);
    let options = "--time t_ms --label-from none";
    let one = folder.one("a.csv", &format!("{options} --ignore-column device"));
    assert!(one.advice[0].contains("`--recording-column`"), "{:?}", one.advice);
    let apart = folder.recordings("a.csv", &format!("{options} --recording-column device"));
    assert_eq!(apart.len(), 2);
    assert!(apart.iter().all(|one| one.timing.as_ref().unwrap().out_of_order == 0));
}

#[test]
fn channels_without_values_constant_ones_and_an_index_are_told() {
    let folder = Folder::new(&[("a.csv", "no,dead,same,x\n1,,5,1\n2,NaN,5,7\n3,,5,2\n")]);
    let one = folder.one("a.csv", OPTIONS);
    assert_eq!(one.missing_values, 3);
    let all = one.advice.join("\n");
    for part in [
        "the first column `no` rises by 1",
        "channel `dead` without any value",
        "channel `same` of one",
    ] {
        assert!(all.contains(part), "{part:?} is not in {all}");
    }
}

/// One array in another, so many times.
fn nested_cbor(depth: usize) -> Vec<u8> {
    let mut bytes = b"\xa3\x69protected\xa0\x67payload".to_vec();
    bytes.extend(std::iter::repeat_n(0x81, depth));
    bytes.push(0x01);
    bytes
}

#[test]
fn hostile_cbor_is_refused() {
    let folder = Folder::new(&[]);
    let refusal = |bytes: &[u8], format: &str| {
        std::fs::write(folder.path("a.cbor"), bytes).unwrap();
        folder.refusal("a.cbor", &format!("--format {format} --label-from none --rate-hz none"))
    };
    let deep = nested_cbor(10_000);
    let mut huge = b"\xa2\x67samples\x9b\x10\0\0\0\0\0\0\0".to_vec();
    huge.push(0x00);
    let mut long_text = b"\xa1\x7b\x10\0\0\0\0\0\0\0".to_vec();
    long_text.push(b'x');
    for bytes in [&deep, &huge, &long_text] {
        for format in ["cira_cbor", "senml_cbor"] {
            refusal(bytes, format);
        }
        std::fs::write(folder.path("b.cbor"), bytes).unwrap();
        folder.refusal("b.cbor", "--format edge_impulse_cbor");
    }
    std::fs::write(folder.path("b.cbor"), &deep).unwrap();
    let message = folder.refusal("b.cbor", "");
    assert!(message.contains("is not an Edge Impulse file"), "{message}");
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_imported_with_its_folders() {
    let folder = Folder::new(&[]);
    let inner = archive(&[("b/spin.csv", b"x\n3\n4\n")]);
    let outer = archive(&[("idle/1.csv", b"x\n1\n2\n"), ("more.zip", &inner), ("readme.md", b"-")]);
    std::fs::write(folder.path("all.zip"), outer).unwrap();
    let options = "--rate-hz 10 --label-from folder";
    let found = folder.recordings("all.zip", options);
    let names: Vec<&str> = found.iter().map(|one| one.recording.name.as_str()).collect();
    assert_eq!(names, ["idle/1.csv", "more/b/spin.csv"]);
    assert_eq!(super::spans(&found[0]), ["0-2 idle"]);
    assert_eq!(folder.recordings("", options).len(), 2);
}

#[test]
fn archives_that_fill_disks_or_lead_elsewhere_are_refused() {
    let folder = Folder::new(&[]);
    let refused = |bytes: Vec<u8>, part: &str| {
        std::fs::write(folder.path("a.zip"), bytes).unwrap();
        let message = folder.refusal("a.zip", OPTIONS);
        assert!(message.contains(part), "{part:?} is not in: {message}");
    };
    refused(archive(&[("bomb.csv", &vec![b'0'; 64 << 20])]), "more than 200 times");
    for name in ["../a.csv", "/etc/a.csv", "a/../../b.csv", "c:\\a.csv"] {
        refused(archive(&[(name, b"x\n1\n")]), "leads out of the archive's folder");
    }
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("a.csv", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    refused(link.finish().unwrap().into_inner(), "is a link");
    let mut cut = archive(&[("a.csv", b"x\n1\n2\n")]);
    cut.truncate(cut.len() / 2);
    refused(cut, "is no ZIP archive that can be read");
    let mut lying = archive(&[("a.csv", &b"x\n1\n2\n".repeat(100))]);
    // The size that the directory at the end says, made smaller: the entry must not be cut in silence.
    let at = lying.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    lying[at + 24] -= 7;
    refused(lying, "a.csv");
}

#[test]
fn a_link_in_a_folder_that_leads_nowhere_is_an_error_with_its_name() {
    let folder = Folder::new(&[("a.csv", "x\n1\n")]);
    std::os::unix::fs::symlink("/nowhere/b.csv", folder.path("b.csv")).unwrap();
    assert!(folder.refusal("", OPTIONS).contains("b.csv"));
}
