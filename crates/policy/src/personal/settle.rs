//! One winner where places overlap: the longest, then the first kind in order, then the first place.

use std::collections::BTreeMap;

use super::Found;

/// Returns the winners, in the order of the text.
pub(super) fn settle(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|one, other| {
        let length = |found: &Found| found.span.end - found.span.start;
        let by_length = length(other).cmp(&length(one));
        by_length.then(one.kind.cmp(&other.kind)).then(one.span.start.cmp(&other.span.start))
    });
    let mut winners: BTreeMap<usize, Found> = BTreeMap::new();
    for one in found {
        let before = winners.range(..one.span.end).next_back();
        let free = before.is_none_or(|(_, before)| before.span.end <= one.span.start);
        if free && !one.span.is_empty() {
            winners.insert(one.span.start, one);
        }
    }
    winners.into_values().collect()
}
