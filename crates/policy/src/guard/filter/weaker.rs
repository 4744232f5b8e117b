//! The comparison of two filters, point by point.

use std::{collections::BTreeSet, fmt};

use super::{Action, Category, Filter, Mode, Rule, Side, Threshold, WhenDown};

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

impl fmt::Display for Weakening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { category, side, from, to } => {
                match category {
                    Category::Blocklist(name) => write!(f, "the blocklist `{}`", name.as_str())?,
                    other => write!(f, "`{}`", other.policy_name().unwrap_or_default())?,
                }
                let (is, must) = (said(category, *to), said(category, *from));
                write!(f, " for `{}` is {is}, and must be {must}", side.name())
            }
            Self::Ahead => f.write_str(
                "the mode is asynchronous, and completions must be checked before they go out",
            ),
            Self::Unfiltered => f.write_str(
                "requests go on unfiltered while a detector is down, and must be refused",
            ),
        }
    }
}

fn said(category: &Category, rule: Rule) -> String {
    match rule.action {
        Action::Off => "off".to_owned(),
        Action::Annotate => "only annotated".to_owned(),
        Action::Block if !category.is_graded() => "blocked".to_owned(),
        Action::Block => format!("blocked from `{}`", rule.threshold.name()),
    }
}

/// Returns `filter` with each rule, the mode and `when_down` at least as strong as in `floor`.
pub(super) fn raise(mut filter: Filter, floor: &Filter) -> Filter {
    for weakening in compare(&filter, floor) {
        match weakening {
            Weakening::Rule { category, side, from, .. } => {
                filter.rules.insert((category, side), from);
            }
            Weakening::Ahead => filter.mode = Mode::Default,
            Weakening::Unfiltered => filter.when_down = WhenDown::Refuse,
        }
    }
    filter
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
