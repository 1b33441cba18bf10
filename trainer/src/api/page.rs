//! Lists in pages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{INVALID, Problem};
use crate::store::{Page, PageOf};

/// Items on a page where nothing else is asked for.
const LIMIT_DEFAULT: u32 = 50;

/// Most items on a page.
const LIMIT_MAX: u32 = 500;

/// Longest cursor.
const CURSOR_BYTES_MAX: usize = 200;

/// Which page of a list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// At most so many items; 50 otherwise.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// What the page before gave as `next`.
    pub(super) cursor: Option<String>,
}

impl PageQuery {
    /// As the store takes it.
    pub(super) fn page_of(self) -> Result<PageOf, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let detail = format!("limit is {limit}: a page has 1 to {LIMIT_MAX} items");
            return Err(Problem::new(INVALID, detail));
        }
        if self.cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
            return Err(Problem::new(INVALID, "cursor is none that a page gave as `next`"));
        }
        Ok(PageOf { limit: limit as usize, cursor: self.cursor })
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Paged<T> {
    /// The items.
    items: Vec<T>,
    /// What to ask the next page with, as `cursor`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> From<Page<T>> for Paged<T> {
    fn from(page: Page<T>) -> Self {
        Paged { items: page.items, next: page.next }
    }
}
