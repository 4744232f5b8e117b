//! The comparison of two filters, point by point.

use std::collections::BTreeSet;

use super::{Action, Category, Filter, Rule, Side, Threshold, WhenDown};

/// A point in which a filter is weaker than another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weakening {
    /// A category or a custom list is blocked later, only annotated, or off.
    Rule {
        /// The category, or the custom list.
        category: Category,
        /// The side.
        side: Side,
        /// The other filter's rule.
        from: Rule,
        /// This filter's rule.
        to: Rule,
    },
    /// Completions go out before they are checked.
    Ahead,
    /// Text goes on unfiltered while a detector is down.
    Unfiltered,
}

/// Returns each point in which `filter` is weaker than `than`.
pub(super) fn compare(filter: &Filter, than: &Filter) -> Vec<Weakening> {
    let keys: BTreeSet<_> = filter.rules.keys().chain(than.rules.keys()).collect();
    let mut found: Vec<_> = keys
        .into_iter()
        .filter_map(|(category, side)| {
            let (from, to) = (than.rule(category, *side), filter.rule(category, *side));
            let weaker = strength(category, to) < strength(category, from);
            weaker.then(|| Weakening::Rule { category: category.clone(), side: *side, from, to })
        })
        .collect();
    if filter.mode.is_ahead() && !than.mode.is_ahead() {
        found.push(Weakening::Ahead);
    }
    if filter.when_down == WhenDown::Unfiltered && than.when_down == WhenDown::Refuse {
        found.push(Weakening::Unfiltered);
    }
    found
}

/// Orders rules: off, annotated, then blocked from high, medium and low.
fn strength(category: &Category, rule: Rule) -> u8 {
    match (rule.action, rule.threshold) {
        (Action::Off, _) => 0,
        (Action::Annotate, _) => 1,
        (Action::Block, _) if !category.is_graded() => 2,
        (Action::Block, Threshold::High) => 2,
        (Action::Block, Threshold::Medium) => 3,
        (Action::Block, Threshold::Low) => 4,
    }
}
