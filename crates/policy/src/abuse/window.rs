//! The window of the last requests, and the points in it.

use serde::{Deserialize, Serialize};

use super::WINDOW;
use crate::workflow::review::Category;

/// The last [`WINDOW`] requests: their number, and those with points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    requests: u64,
    /// Oldest first; at most [`WINDOW`], because a request adds one at most.
    hits: Vec<Hit>,
}

/// A request with points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hit {
    /// The request's number in the window's count.
    number: u64,
    text: u64,
    category: Category,
    points: u32,
    /// True if a crossing has used the points up. The text still counts as a repeated one.
    spent: bool,
}

/// The window reached the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crossing {
    /// The category with the most points.
    pub(super) category: Category,
    points: u32,
    /// Requests that brought the points.
    hits: usize,
}

impl Window {
    /// Counts a request. Returns the points that it added, and whether it reached the limit, which
    /// uses up the points.
    pub(super) fn add(
        &mut self,
        text: u64,
        found: Option<(Category, u32)>,
        limit: u32,
    ) -> (u32, Option<Crossing>) {
        self.requests = self.requests.saturating_add(1);
        let first = self.requests.saturating_sub(WINDOW);
        self.hits.retain(|hit| hit.number > first);
        let is_new = self.hits.iter().all(|hit| hit.text != text);
        let Some((category, points)) = found.filter(|_| is_new) else { return (0, None) };
        self.hits.push(Hit { number: self.requests, text, category, points, spent: false });
        if self.points() < limit {
            return (points, None);
        }
        let unspent = || self.hits.iter().filter(|hit| !hit.spent);
        let of = |category| -> u32 {
            unspent().filter(|hit| hit.category == category).map(|hit| hit.points).sum()
        };
        let category = Category::ALL.into_iter().max_by_key(|category| of(*category));
        let crossing = Crossing {
            category: category.unwrap_or(Category::Other),
            points: self.points(),
            hits: unspent().count(),
        };
        self.hits.iter_mut().for_each(|hit| hit.spent = true);
        (points, Some(crossing))
    }

    /// Returns the points that no crossing has used up.
    pub(super) fn points(&self) -> u32 {
        self.hits.iter().filter(|hit| !hit.spent).map(|hit| hit.points).sum()
    }

    /// Returns true if no request in the window has points, spent or not.
    pub(super) fn is_clean(&self) -> bool {
        self.hits.is_empty()
    }
}

impl Crossing {
    /// Describes the crossing to the owner: numbers, and the category.
    pub(super) fn reason(&self, limit: u32) -> String {
        let Self { category, points, hits } = self;
        format!(
            "abuse monitoring: {hits} different texts in the last {WINDOW} requests were found \
             harmful, most of them in the category {}; these are {points} points, and the limit is \
             {limit}",
            category.name()
        )
    }
}
