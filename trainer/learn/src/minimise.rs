//! Minimising a smooth convex function: limited-memory BFGS with a weak Wolfe line search.

/// Steps that the search direction remembers.
const MEMORY: usize = 10;
/// Tries within one line search.
const TRIES_MAX: usize = 60;
/// Armijo: the share of the promised decrease that a step must bring.
const DECREASE: f64 = 1e-4;
/// Wolfe: the share of the slope that may be left.
const SLOPE_LEFT: f64 = 0.9;

/// Where the search ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Minimum {
    /// The point.
    pub(crate) at: Vec<f64>,
    /// The function there.
    pub(crate) value: f64,
    /// Largest absolute entry of the gradient there.
    pub(crate) gradient_max: f64,
    /// Steps taken.
    pub(crate) iterations: usize,
    /// Whether the gradient fell to the tolerance, or no step brings any further decrease.
    pub(crate) converged: bool,
}

/// Searches from `start`. `function` returns the value and writes the gradient; `step` is called
/// after each step with the number of steps and the largest gradient entry.
pub(crate) fn minimise<E>(
    start: Vec<f64>,
    tolerance: f64,
    iterations_max: usize,
    mut function: impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
    mut step: impl FnMut(usize, f64),
) -> Result<Minimum, E> {
    let size = start.len();
    let mut point = Point { at: start, gradient: vec![0.0; size], value: 0.0 };
    point.value = function(&point.at, &mut point.gradient)?;
    let mut history = History::default();
    let mut iterations = 0;
    let mut stalled = false;
    while largest(&point.gradient) > tolerance && iterations < iterations_max && !stalled {
        let mut direction = history.direction(&point.gradient);
        let mut slope = dot(&direction, &point.gradient);
        if slope >= 0.0 {
            // Rounding has spoilt the memory: start afresh, downhill.
            history = History::default();
            direction = point.gradient.iter().map(|g| -g).collect();
            slope = -dot(&point.gradient, &point.gradient);
        }
        let first = if history.is_empty() { 1.0 / largest(&point.gradient).max(1.0) } else { 1.0 };
        match line_search(&point, &direction, slope, first, &mut function)? {
            Some(next) => {
                history.remember(&point, &next);
                point = next;
                iterations += 1;
                step(iterations, largest(&point.gradient));
            }
            // A direction from memory may fail where the plain gradient does not.
            None if history.is_empty() => stalled = true,
            None => history = History::default(),
        }
    }
    let gradient_max = largest(&point.gradient);
    let converged = gradient_max <= tolerance || stalled;
    Ok(Minimum { at: point.at, value: point.value, gradient_max, iterations, converged })
}

struct Point {
    at: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

/// Halves and doubles the step until value and slope have both fallen enough; None where even the
/// smallest step brings no decrease.
fn line_search<E>(
    from: &Point,
    direction: &[f64],
    slope: f64,
    first: f64,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
) -> Result<Option<Point>, E> {
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    let mut best: Option<Point> = None;
    for _ in 0..TRIES_MAX {
        let mut next = Point {
            at: from.at.iter().zip(direction).map(|(x, d)| x + length * d).collect(),
            gradient: vec![0.0; direction.len()],
            value: 0.0,
        };
        next.value = function(&next.at, &mut next.gradient)?;
        let enough = next.value <= from.value + DECREASE * length * slope;
        let flat = enough && dot(&next.gradient, direction) >= SLOPE_LEFT * slope;
        if enough {
            low = length;
            if next.value < from.value && best.as_ref().is_none_or(|b| next.value < b.value) {
                best = Some(next);
            }
        } else {
            high = length;
        }
        if flat {
            break;
        }
        length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * length };
    }
    Ok(best)
}

/// The last steps, as changes of point and gradient.
#[derive(Default)]
struct History(std::collections::VecDeque<(Vec<f64>, Vec<f64>, f64)>);

impl History {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn remember(&mut self, from: &Point, to: &Point) {
        let change = |a: &[f64], b: &[f64]| b.iter().zip(a).map(|(b, a)| b - a).collect();
        let moved: Vec<f64> = change(&from.at, &to.at);
        let bent: Vec<f64> = change(&from.gradient, &to.gradient);
        let curvature = dot(&moved, &bent);
        if curvature > 1e-300 {
            if self.0.len() == MEMORY {
                self.0.pop_front();
            }
            self.0.push_back((moved, bent, curvature));
        }
    }

    /// The two-loop recursion (Nocedal, Wright: Numerical Optimization, algorithm 7.4).
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.0.len());
        for (moved, bent, curvature) in self.0.iter().rev() {
            let share = dot(moved, &q) / curvature;
            q.iter_mut().zip(bent).for_each(|(q, y)| *q -= share * y);
            shares.push(share);
        }
        if let Some((_, bent, curvature)) = self.0.back() {
            let scale = curvature / dot(bent, bent);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for ((moved, bent, curvature), share) in self.0.iter().zip(shares.iter().rev()) {
            let other = dot(bent, &q) / curvature;
            q.iter_mut().zip(moved).for_each(|(q, s)| *q += (share - other) * s);
        }
        q
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_narrow_bowl_is_minimised_to_the_tolerance() {
        let bowl = |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, x) in x.iter().enumerate() {
                let scale = libm::pow(10.0, i as f64);
                value += 0.5 * scale * (x - 1.0) * (x - 1.0);
                g[i] = scale * (x - 1.0);
            }
            Ok::<f64, Infallible>(value)
        };
        let Ok(found) = minimise(vec![0.0; 6], 1e-9, 500, bowl, |_, _| {});
        assert!(found.converged && found.gradient_max <= 1e-9, "{found:?}");
        assert!(found.at.iter().all(|x| (x - 1.0).abs() < 1e-8), "{found:?}");
    }

    #[test]
    fn the_limit_of_iterations_is_reported_as_not_converged() {
        let slope = |x: &[f64], g: &mut [f64]| {
            g[0] = -libm::exp(-x[0]);
            Ok::<f64, Infallible>(libm::exp(-x[0]))
        };
        let Ok(found) = minimise(vec![0.0], 1e-30, 3, slope, |_, _| {});
        assert!(!found.converged && found.iterations == 3, "{found:?}");
    }
}
