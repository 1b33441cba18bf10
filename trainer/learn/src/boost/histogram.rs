//! Sums of gradients by bin, and the best split of a node that they show.

/// What the rows of one bin add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) rows: u32,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
        self.rows += other.rows;
    }

    fn less(self, other: Sums) -> Sums {
        Sums {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            rows: self.rows - other.rows,
        }
    }

    /// The part of the loss that the best correction of these rows takes away, twice.
    pub(super) fn gain(self, l2: f64) -> f64 {
        self.gradient * self.gradient / (self.hessian + l2 + HESSIAN_MIN)
    }

    /// The best correction.
    pub(super) fn correction(self, l2: f64) -> f64 {
        -self.gradient / (self.hessian + l2 + HESSIAN_MIN)
    }
}

/// Keeps quotients finite.
const HESSIAN_MIN: f64 = 1e-15;
/// A child whose hessians add up to less is not split off: its correction would be noise.
const CHILD_HESSIAN_MIN: f64 = 1e-3;

/// One column of a node.
pub(super) type Column = [Sums; 256];

/// Adds the rows of a node up. Gradients and hessians are in the order of `rows`; where all hessians
/// are 1 there are none.
pub(super) fn fill(
    column: &mut Column,
    bins: &[u8],
    rows: Option<&[u32]>,
    gradients: &[f32],
    hessians: Option<&[f32]>,
) {
    column.fill(Sums::default());
    match (rows, hessians) {
        (None, None) => {
            for (&bin, &gradient) in bins.iter().zip(gradients) {
                let sums = &mut column[usize::from(bin)];
                sums.gradient += f64::from(gradient);
                sums.rows += 1;
            }
        }
        (None, Some(hessians)) => {
            for (&bin, (&gradient, &hessian)) in bins.iter().zip(gradients.iter().zip(hessians)) {
                let sums = &mut column[usize::from(bin)];
                sums.gradient += f64::from(gradient);
                sums.hessian += f64::from(hessian);
                sums.rows += 1;
            }
        }
        (Some(rows), None) => {
            for (&row, &gradient) in rows.iter().zip(gradients) {
                let sums = &mut column[usize::from(bins[row as usize])];
                sums.gradient += f64::from(gradient);
                sums.rows += 1;
            }
        }
        (Some(rows), Some(hessians)) => {
            for (&row, (&gradient, &hessian)) in rows.iter().zip(gradients.iter().zip(hessians)) {
                let sums = &mut column[usize::from(bins[row as usize])];
                sums.gradient += f64::from(gradient);
                sums.hessian += f64::from(hessian);
                sums.rows += 1;
            }
        }
    }
    if hessians.is_none() {
        column.iter_mut().for_each(|sums| sums.hessian = f64::from(sums.rows));
    }
}

/// Takes the sums of one child away from those of its parent, which leaves those of the other.
pub(super) fn subtract(parent: &mut Column, child: &Column) {
    for (parent, child) in parent.iter_mut().zip(child) {
        *parent = parent.less(*child);
    }
}

/// The best split of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) column: usize,
    /// The last bin that goes left.
    pub(super) bin: u8,
    pub(super) left: Sums,
    pub(super) right: Sums,
}

/// Looks at every border between the first `bins` bins of a node's column.
pub(super) fn best_split(
    histogram: &Column,
    (column, bins): (usize, usize),
    total: Sums,
    (leaf_rows, l2): (u32, f64),
) -> Option<Split> {
    let mut best: Option<Split> = None;
    let mut left = Sums::default();
    let whole = total.gain(l2);
    for (bin, sums) in histogram[..bins].iter().enumerate().take(bins.saturating_sub(1)) {
        left.add(*sums);
        if sums.rows == 0 || left.rows < leaf_rows || left.hessian < CHILD_HESSIAN_MIN {
            continue;
        }
        let right = total.less(left);
        if right.rows < leaf_rows.max(1) || right.hessian < CHILD_HESSIAN_MIN {
            break;
        }
        let gain = left.gain(l2) + right.gain(l2) - whole;
        if gain > best.as_ref().map_or(GAIN_MIN, |best| best.gain) {
            best = Some(Split { gain, column, bin: bin as u8, left, right });
        }
    }
    best
}

/// Smaller gains are rounding.
const GAIN_MIN: f64 = 1e-12;
