//! Labels and tags that come from where a file lies and how it is called.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::PlannedFile;
use super::{ImportError, ImportOptions, LabelFrom, Pattern};
use crate::recording::LabelSpan;

/// What a file's place and name say about all of its rows.
#[derive(Debug, Default)]
pub(super) struct FileFacts {
    /// The class; none if it stands elsewhere or nowhere.
    pub(super) class: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// Reads `file`'s place and name as the options say.
pub(super) fn facts(file: &PlannedFile, options: &ImportOptions) -> Result<FileFacts, ImportError> {
    let mut facts = FileFacts { class: None, tags: options.tags.clone() };
    if let Some(pattern) = &options.tags_from {
        for (name, value) in apply(pattern, file, "--tags-from")? {
            facts.tags.insert(name.to_owned(), value.to_owned());
        }
    }
    match &options.label_from {
        Some(LabelFrom::Folder) => facts.class = Some(folder_name(file)?),
        Some(LabelFrom::Filename) => facts.class = Some(before_dot(&file.path).to_owned()),
        Some(LabelFrom::Value(class)) => facts.class = Some(class.clone()),
        Some(LabelFrom::FilenamePattern(pattern)) => {
            for (name, value) in apply(pattern, file, "--label-from")? {
                if name == "label" {
                    facts.class = Some(value.to_owned());
                } else {
                    facts.tags.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Some(LabelFrom::Column(_) | LabelFrom::None) | None => {}
    }
    Ok(facts)
}

/// The name of a file up to its first dot.
pub(super) fn before_dot(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.split('.').next().unwrap_or(name)
}

/// One span over all rows, if there is a class and a row.
pub(super) fn whole(class: Option<&str>, rows: u64) -> Vec<LabelSpan> {
    match class {
        Some(class) if rows > 0 => {
            vec![LabelSpan { from_row: 0, to_row: rows, class: class.to_owned() }]
        }
        _ => Vec::new(),
    }
}

/// Puts the class of one row to the spans before it; an empty class is no label.
pub(super) fn extend(spans: &mut Vec<LabelSpan>, row: u64, class: &str) {
    match spans.last_mut() {
        _ if class.is_empty() => {}
        Some(last) if last.to_row == row && last.class == class => last.to_row = row + 1,
        _ => spans.push(LabelSpan { from_row: row, to_row: row + 1, class: class.to_owned() }),
    }
}

fn folder_name(file: &PlannedFile) -> Result<String, ImportError> {
    let absolute = std::path::absolute(&file.path)
        .map_err(|source| super::files::io_error(&file.path, source))?;
    let name = absolute.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    // The trainer's own folders begin with a dot: a file in one was sent without a folder.
    let name = name.filter(|name| !name.starts_with('.'));
    name.map(str::to_owned).ok_or_else(|| {
        file.undecided(
            "it lies in no folder whose name could be a label",
            "give it one, or use another `--label-from`",
        )
    })
}

fn apply<'a>(
    pattern: &'a Pattern,
    file: &'a PlannedFile,
    option: &str,
) -> Result<Vec<(&'a str, &'a str)>, ImportError> {
    let stem = file.path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
    pattern.apply(stem).ok_or_else(|| {
        file.undecided(
            format!("its name {stem:?} does not match the pattern {pattern}"),
            format!("change the pattern of {option}, or import this file apart"),
        )
    })
}
