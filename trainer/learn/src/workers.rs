//! Numbered pieces of work in several threads, results in the order of the numbers.

use rayon::prelude::*;

use crate::estimator::{FitContext, FitError};

/// The threads of one fit.
pub(crate) struct Workers<'a> {
    context: &'a FitContext<'a>,
    pool: Option<rayon::ThreadPool>,
}

impl<'a> Workers<'a> {
    /// Starts `context.threads` threads, or none where one is enough.
    pub(crate) fn new(context: &'a FitContext<'a>) -> Result<Self, FitError> {
        let threads = context.threads;
        if threads <= 1 {
            return Ok(Workers { context, pool: None });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| FitError::Threads { threads, reason: error.to_string() });
        Ok(Workers { context, pool: Some(pool?) })
    }

    /// The results of `work` for 0, 1, … `count` − 1, in that order.
    pub(crate) fn map<T: Send>(
        &self,
        count: usize,
        work: impl Fn(usize) -> Result<T, FitError> + Sync,
    ) -> Result<Vec<T>, FitError> {
        let checked = |number: usize| {
            self.context.check_cancel()?;
            work(number)
        };
        match &self.pool {
            None => (0..count).map(checked).collect(),
            Some(pool) => pool.install(|| (0..count).into_par_iter().map(checked).collect()),
        }
    }

    /// Lets `act` change each of `items`, which takes about `work` steps altogether: few are done by
    /// this thread alone.
    pub(crate) fn each<T: Send>(
        &self,
        items: &mut [T],
        work: usize,
        act: impl Fn(usize, &mut T) + Sync,
    ) -> Result<(), FitError> {
        self.context.check_cancel()?;
        match &self.pool {
            Some(pool) if work >= SHARED_WORK_MIN => pool.install(|| {
                items.par_iter_mut().enumerate().for_each(|(number, item)| act(number, item));
            }),
            _ => items.iter_mut().enumerate().for_each(|(number, item)| act(number, item)),
        }
        Ok(())
    }
}

/// Waking threads takes as long as some ten thousand steps.
const SHARED_WORK_MIN: usize = 1 << 15;
