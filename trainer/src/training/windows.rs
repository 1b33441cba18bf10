//! Windows as tables for estimators, and a spread of windows to prove an artifact with.

use std::collections::BTreeMap;

use learn::table::{Table, Target};
use model_format::manifest::Task;

use super::extract::Extracted;

/// The table of these windows. All have what the task needs: a class, a value.
pub(crate) fn table(
    extracted: &Extracted,
    columns: &[String],
    task: Task,
    windows: &[usize],
) -> Table {
    let width = columns.len();
    let mut values = Vec::with_capacity(windows.len() * width);
    for &window in windows {
        values.extend_from_slice(&extracted.values[window * width..(window + 1) * width]);
    }
    Table {
        columns: columns.to_vec(),
        rows: windows.len(),
        values,
        target: target(extracted, task, windows),
        groups: windows.iter().map(|&window| extracted.windows[window].recording).collect(),
        weights: None,
    }
}

/// What is true of these windows. All have what the task needs: a class, a value.
pub(crate) fn target(extracted: &Extracted, task: Task, windows: &[usize]) -> Target {
    let infos = windows.iter().map(|&window| &extracted.windows[window]);
    match task {
        Task::Classification => Target::Classes {
            index: infos.filter_map(|window| window.class).collect(),
            names: extracted.classes.clone(),
        },
        Task::Regression => Target::Values(infos.map(|window| window.value).collect()),
        Task::Anomaly => Target::None,
    }
}

/// At most `count` of these windows, ascending: as many of each class as there are, spread over
/// the windows of the class.
pub(crate) fn spread(extracted: &Extracted, windows: &[usize], count: usize) -> Vec<usize> {
    let class = |window: &usize| extracted.windows[*window].class;
    let mut kinds: Vec<Option<u32>> = windows.iter().map(class).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut chosen = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let members: Vec<usize> =
            windows.iter().copied().filter(|window| class(window) == *kind).collect();
        let share = count / kinds.len() + usize::from(number < count % kinds.len());
        let share = share.min(members.len());
        chosen
            .extend((0..share).map(|place| members[(2 * place + 1) * members.len() / (2 * share)]));
    }
    chosen.sort_unstable();
    chosen
}

/// The positions of `windows` in an order that begins with one of each class.
pub(crate) fn round_robin(extracted: &Extracted, windows: &[usize]) -> Vec<usize> {
    let mut seen: BTreeMap<Option<u32>, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, usize)> = windows
        .iter()
        .enumerate()
        .map(|(position, &window)| {
            let rank = seen.entry(extracted.windows[window].class).or_default();
            *rank += 1;
            (*rank, position)
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, position)| position).collect()
}

#[cfg(test)]
mod tests {
    use super::super::extract::WindowInfo;
    use super::*;

    fn window(class: Option<u32>) -> WindowInfo {
        WindowInfo {
            recording: 0,
            index: 0,
            segment_start_ns: 0,
            start_ns: 0,
            end_ns: 0,
            start_row: 0,
            end_row: 1,
            class,
            whole: true,
            value: f32::NAN,
        }
    }

    #[test]
    fn every_class_has_windows_in_a_spread() {
        let classes = (0..100).map(|number| Some(u32::from(number >= 97)));
        let extracted =
            Extracted { windows: classes.map(window).collect(), ..Extracted::default() };
        let all: Vec<usize> = (0..100).collect();
        let chosen = spread(&extracted, &all, 8);
        assert_eq!(chosen.iter().filter(|&&window| window >= 97).count(), 3);
        assert!(chosen.is_sorted() && chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spread(&extracted, &all, 1000), all);
        assert_eq!(round_robin(&extracted, &[95, 96, 97, 98]), [0, 2, 1, 3]);
    }
}
