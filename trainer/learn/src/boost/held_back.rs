//! Which recordings early stopping holds back.

use std::collections::BTreeSet;

use crate::estimator::{FitContext, FitError};
use crate::parameter::Checked;
use crate::random::Random;
use crate::table::{Table, Target};

/// `auto` holds back from so many recordings and rows on.
const RECORDINGS_MIN: usize = 10;
const ROWS_MIN: usize = 1000;

/// Rows to learn from and rows that are held back, both ascending.
pub(super) struct Parts {
    pub(super) learned: Vec<u32>,
    pub(super) held_back: Vec<u32>,
    /// Number of recordings that are held back.
    pub(super) recordings: usize,
}

/// Draws whole recordings, leaving each class some rows.
pub(super) fn parts(
    parameters: &Checked,
    train: &Table,
    context: &FitContext<'_>,
) -> Result<Parts, FitError> {
    let groups: BTreeSet<u32> = train.groups.iter().copied().collect();
    let auto = parameters.word("early_stopping") == Some("auto");
    let wanted = match auto {
        true => groups.len() >= RECORDINGS_MIN && train.rows >= ROWS_MIN,
        false => parameters.flag("early_stopping"),
    };
    let mut held_back = BTreeSet::new();
    if wanted {
        let share = parameters.number("validation_fraction");
        let count = ((groups.len() as f64 * share).ceil() as usize).max(1);
        let mut order: Vec<u32> = groups.into_iter().collect();
        Random::new(context.seed, 0).shuffle(&mut order);
        held_back = take(train, &order, count);
        if held_back.is_empty() && !auto {
            return Err(FitError::Parameter {
                parameter: "early_stopping",
                found: "true".to_owned(),
                reason: format!(
                    "the training rows come from {} recording(s), and none of them can be held back \
                     without losing a class or all rows; add recordings, or set it to false",
                    order.len()
                ),
            });
        }
    }
    let is_held_back = |row: &u32| held_back.contains(&train.groups[*row as usize]);
    let (held, learned) = (0..train.rows as u32).partition(is_held_back);
    Ok(Parts { learned, held_back: held, recordings: held_back.len() })
}

/// The first `count` recordings that leave every class a row, and some rows at all.
fn take(train: &Table, order: &[u32], count: usize) -> BTreeSet<u32> {
    let class = |row: usize| match &train.target {
        Target::Classes { index, .. } => index[row] as usize,
        Target::Values(_) | Target::None => 0,
    };
    let classes = (0..train.rows).map(class).max().unwrap_or(0) + 1;
    let mut left = vec![0_usize; classes];
    (0..train.rows).for_each(|row| left[class(row)] += 1);
    let mut taken = BTreeSet::new();
    for &group in order {
        if taken.len() == count {
            break;
        }
        let mut without = left.clone();
        let rows = (0..train.rows).filter(|&row| train.groups[row] == group);
        rows.for_each(|row| without[class(row)] -= 1);
        if without.iter().zip(&left).all(|(without, left)| *without > 0 || *left == 0) {
            left = without;
            taken.insert(group);
        }
    }
    taken
}
