//! What the names of columns, files and folders suggest. A suggestion is shown and may be taken; it is
//! never followed in silence.

use std::collections::BTreeMap;
use std::path::Path;

use super::labels::before_dot;
use super::{Pattern, PlannedFile};

/// Most classes that names of files or folders may suggest.
const CLASSES_MAX: usize = 100;

/// Names of folders that say what files are for, not what was recorded.
const PARTITIONS: [&str; 6] = ["training", "testing", "train", "test", "validation", "data"];

/// Units that a name may end in behind `_`, as they are written there, with the unit that is meant.
const UNITS: [(&str, &str); 21] = [
    ("rpm", "rpm"),
    ("hz", "Hz"),
    ("Hz", "Hz"),
    ("kHz", "kHz"),
    ("bar", "bar"),
    ("mbar", "mbar"),
    ("Pa", "Pa"),
    ("kPa", "kPa"),
    ("hPa", "hPa"),
    ("degC", "°C"),
    ("degF", "°F"),
    ("kW", "kW"),
    ("mV", "mV"),
    ("volts", "V"),
    ("mA", "mA"),
    ("amps", "A"),
    ("percent", "%"),
    ("mm", "mm"),
    ("mps", "m/s"),
    ("mps2", "m/s²"),
    ("kWh", "kWh"),
];

/// True if a column of this name may hold the times.
pub(super) fn is_time(name: &str) -> bool {
    let name = name.to_lowercase();
    ["time", "date", "stamp"].iter().any(|word| name.contains(word))
        || ["t", "ts"].contains(&name.as_str())
}

/// True if a column of this name is likely to hold the class.
pub(super) fn is_label(name: &str) -> bool {
    ["label", "class", "state", "target"].contains(&name.to_lowercase().as_str())
}

/// True if a column of this name is likely to hold a number that a regression shall predict.
pub(super) fn is_target(name: &str) -> bool {
    ["target", "rul"].contains(&name.to_lowercase().as_str())
}

/// True if a column of this name may count the rows.
pub(super) fn is_counter(name: &str) -> bool {
    let name = name.to_lowercase();
    let known = ["index", "idx", "row", "sample", "n", "no", "nr", "seq", "cycle", "counter", "#"];
    known.contains(&name.as_str())
}

/// True if a column of this name may tell recordings apart.
pub(super) fn is_recording(name: &str) -> bool {
    let name = name.to_lowercase();
    let word = name.strip_suffix("_id").or(name.strip_suffix("id")).unwrap_or(&name);
    let known = ["recording", "session", "run", "trial", "unit", "engine", "experiment", "subject"];
    known.contains(&word)
}

/// The unit at the end of a channel's name: in brackets, or one that can be nothing else behind `_`.
pub(super) fn unit(name: &str) -> Option<&str> {
    for (opening, closing) in [('[', ']'), ('(', ')')] {
        if let Some(inside) = name.strip_suffix(closing)
            && let Some((before, unit)) = inside.rsplit_once(opening)
        {
            let unit = unit.trim();
            return (!before.trim().is_empty() && !unit.is_empty()).then_some(unit);
        }
    }
    let (before, unit) = name.rsplit_once('_')?;
    if unit == "C" && before.to_lowercase().contains("temp") {
        return Some("°C");
    }
    UNITS.iter().find(|(written, _)| *written == unit).map(|(_, unit)| *unit)
}

/// A column's name without the unit behind it: `time` of `time (s)`, `t` of `t_ms`.
pub(super) fn without_unit(name: &str) -> &str {
    let inner = name.trim_end_matches([' ', ')', ']']);
    let parts = inner.rsplit_once(['_', ' ', '(', '[', '.', '-', '/']);
    parts.map_or(name, |(before, _)| before.trim_end_matches([' ', '(', '[']))
}

/// Where names say the label is: the value of `label_from`, and why.
pub(super) struct LabelNames {
    pub(super) source: String,
    pub(super) reason: String,
}

/// What the names of folders and files say about the label.
pub(super) fn label_names(files: &[&PlannedFile]) -> Option<LabelNames> {
    by_folder(files).or_else(|| by_beginning(files)).or_else(|| by_word(files))
}

fn by_folder(files: &[&PlannedFile]) -> Option<LabelNames> {
    let folder = |file: &PlannedFile| {
        let folder = Path::new(&file.name).parent()?.file_name()?.to_str()?.to_owned();
        Some(folder)
    };
    let counted = counted(files.iter().map(|file| folder(file)))?;
    let is_partition = |name: &String| PARTITIONS.contains(&name.to_lowercase().as_str());
    if !(2..=CLASSES_MAX).contains(&counted.len()) || counted.keys().all(is_partition) {
        return None;
    }
    let reason = format!("the files lie in the folders {}", listing(&counted));
    Some(LabelNames { source: "folder".to_owned(), reason })
}

/// Names that begin alike: up to the first dot, or before a separator and a number.
fn by_beginning(files: &[&PlannedFile]) -> Option<LabelNames> {
    let beginnings = |source: &str, part: &dyn Fn(&PlannedFile) -> Option<String>| {
        let counted = counted(files.iter().map(|file| part(file)))?;
        let is_number = |name: &String| name.chars().all(|c| !c.is_alphabetic());
        if counted.keys().any(is_number) || !is_grouped(&counted, files.len()) {
            return None;
        }
        let reason = format!("the files' names begin with {}", listing(&counted));
        Some(LabelNames { source: source.to_owned(), reason })
    };
    let up_to_dot = |file: &PlannedFile| Some(before_dot(&file.path).to_owned());
    if let Some(found) = beginnings("filename", &up_to_dot) {
        return Some(found);
    }
    for text in ["{label}_*", "{label}-*"] {
        let Ok(pattern) = text.parse::<Pattern>() else { continue };
        let part = |file: &PlannedFile| {
            let stem = file.path.file_stem()?.to_str()?;
            let (_, rest) = stem.split_once(['_', '-'])?;
            let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
            let label = pattern.apply(stem)?.first()?.1.to_owned();
            is_number.then_some(label)
        };
        if let Some(found) = beginnings(&format!("filename:{text}"), &part) {
            return Some(found);
        }
    }
    None
}

/// A few files, each called by a word of its own.
fn by_word(files: &[&PlannedFile]) -> Option<LabelNames> {
    let word = |file: &PlannedFile| {
        let name = before_dot(&file.path);
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphabetic() || c == '_');
        is_word.then(|| name.to_owned())
    };
    let counted = counted(files.iter().map(|file| word(file)))?;
    if !(2..=20).contains(&counted.len()) {
        return None;
    }
    let reason = format!("each file is called by a word: {}", listing(&counted));
    Some(LabelNames { source: "filename".to_owned(), reason })
}

/// True if there are at least two names, and two files of each on average.
fn is_grouped(counted: &BTreeMap<String, usize>, files: usize) -> bool {
    (2..=CLASSES_MAX).contains(&counted.len()) && 2 * counted.len() <= files
}

/// How often each name is there; none where a file has none.
fn counted(names: impl Iterator<Item = Option<String>>) -> Option<BTreeMap<String, usize>> {
    let mut counted = BTreeMap::new();
    for name in names {
        *counted.entry(name?).or_default() += 1;
    }
    Some(counted)
}

fn listing(counted: &BTreeMap<String, usize>) -> String {
    let first = counted.iter().take(5).map(|(name, count)| format!("`{name}` ({count})"));
    let first = first.collect::<Vec<_>>().join(", ");
    match counted.len().saturating_sub(5) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_from_a_name_only_where_it_is_plain() {
        for (name, expected) in [
            ("accX [m/s2]", Some("m/s2")),
            ("temp (°C)", Some("°C")),
            ("temp_C", Some("°C")),
            ("speed_rpm", Some("rpm")),
            ("vitamin_C", None),
            ("sensor_1", None),
            ("a", None),
            ("(x)", None),
            ("p []", None),
        ] {
            assert_eq!(unit(name), expected, "{name}");
        }
    }

    #[test]
    fn a_time_is_known_by_its_name_with_and_without_unit() {
        for name in ["t", "Timestamp", "time (s)", "t_ms"] {
            assert!(is_time(name) || is_time(without_unit(name)), "{name}");
        }
        assert!(!is_time("accX") && !is_time(without_unit("p_bar")));
    }

    fn named(names: &[&str]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "a\n1\n").unwrap();
        }
        let plan = crate::ingest::plan(
            &[folder.path().to_owned()],
            crate::ingest::Looking::new(folder.path()),
        )
        .unwrap();
        let files: Vec<&PlannedFile> = plan.files.iter().collect();
        label_names(&files).map(|names| names.source)
    }

    #[test]
    fn folders_and_beginnings_of_names_suggest_where_the_label_is() {
        for (names, expected) in [
            (&["worn/1.csv", "new/1.csv"][..], Some("folder")),
            (&["training/1.csv", "testing/1.csv"], None),
            (&["idle.1.csv", "idle.2.csv", "spin.1.csv", "spin.2.csv"], Some("filename")),
            (&["idle_1.csv", "idle_2.csv", "spin_1.csv", "spin_2.csv"], Some("filename:{label}_*")),
            (&["idle.csv", "spin.csv"], Some("filename")),
            (&["2026.1.csv", "2026.2.csv", "2027.1.csv", "2027.2.csv"], None),
            (&["rec1.csv", "rec2.csv", "rec3.csv"], None),
            (&["one.csv"], None),
        ] {
            assert_eq!(named(names).as_deref(), expected, "{names:?}");
        }
    }
}
