//! Cross-validation and importances as text.

use std::fmt::Write as _;

use super::report::TextTable;
use crate::training::{CrossValidation, FeatureImportances, ImportanceOf};

/// The most channels and features that are listed; the report has all.
const LISTED_MAX: usize = 15;

pub(super) fn cross_validation(found: &CrossValidation) -> String {
    let mut table = TextTable::new(&["cross-validation", "mean", "deviation", "by fold"]);
    for line in &found.figures {
        let of_fold = found.folds.iter().map(|fold| {
            let figure = fold.figures.iter().find(|figure| figure.name == line.name);
            figure.map_or_else(|| "–".to_owned(), |figure| format!("{:.4}", figure.value))
        });
        table.row(vec![
            line.name.clone(),
            format!("{:.4}", line.mean),
            format!("{:.4}", line.deviation),
            of_fold.collect::<Vec<_>>().join(" "),
        ]);
    }
    let mut text = table.render();
    let _ =
        writeln!(text, "  {} folds of the training windows, by {}\n", found.folds.len(), found.by);
    text
}

pub(super) fn importance(found: &FeatureImportances) -> String {
    let fall = format!("fall of {}", found.figure);
    let mut text = String::new();
    for (what, list) in [("channel", &found.channels), ("feature", &found.features)] {
        let mut table = TextTable::new(&[what, &fall, "deviation"]);
        for ImportanceOf { name, mean, deviation } in list.iter().take(LISTED_MAX) {
            table.row(vec![name.clone(), format!("{mean:.4}"), format!("{deviation:.4}")]);
        }
        text.push_str(&table.render());
        if list.len() > LISTED_MAX {
            let _ = writeln!(text, "  and {} more", list.len() - LISTED_MAX);
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "  each shuffled {} times over {} test windows, from {:.4} with all in place\n",
        found.repeats, found.windows, found.baseline
    );
    text
}
