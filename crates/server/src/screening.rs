//! What the content filter saw of one request, before it becomes claims of the receipt.
//!
//! The pipeline adds each result as it comes. Nothing here holds content: a result names
//! categories and detectors, never the text.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use policy::{
    abuse::Finding,
    guard::{
        filter::Results,
        verdict::{Category, Severity, Side, Source},
    },
};
use store::ContentFilter;
use tlog::receipt::Check;

mod claims;

pub(crate) use claims::Claimed;

/// What the content filter saw of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Screening {
    /// The deployment's filter, once it is found.
    pub filter: Option<Arc<ContentFilter>>,
    /// The detectors that looked.
    sources: BTreeSet<Source>,
    /// How far each side was checked. Of two parts of a side, the greater value counts: one part
    /// that was not filtered makes the side not filtered.
    prompt: Check,
    completion: Check,
    /// The sides of which a text went on, and no results came since.
    ahead: BTreeSet<Side>,
    findings: BTreeMap<(Side, Category), Found>,
}

/// What was found in one category on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    /// The highest severity. `Safe` is never kept.
    severity: Severity,
    /// True if a finding blocked a text.
    filtered: bool,
}

impl Screening {
    /// Adds what a filter decided about one text, or about one window of a text. A filter that
    /// looks for nothing on this side has filtered nothing.
    pub(crate) fn add_results(&mut self, results: &Results) {
        let side = results.side();
        let looked = !results.annotations().is_empty();
        self.raise(side, if looked { Check::Filtered } else { Check::NotFiltered });
        self.ahead.remove(&side);
        for one in results.annotations() {
            self.sources.extend(&one.sources);
            if !one.detected() {
                continue;
            }
            let found = self.findings.entry((side, one.category.clone())).or_default();
            found.severity = found.severity.max(one.severity);
            found.filtered |= one.filtered;
        }
    }

    /// Notes that a text of this side goes on unchecked, because the filter chose so while a
    /// detector is down.
    pub(crate) fn not_filtered(&mut self, side: Side) {
        self.raise(side, Check::NotFiltered);
    }

    /// Notes that a text of this side goes on before it is checked. If no results follow, because
    /// the check failed or the client was gone, it was not filtered.
    pub(crate) fn later(&mut self, side: Side) {
        self.raise(side, Check::FilteredLater);
        self.ahead.insert(side);
    }

    /// Returns how far a side was checked, until now.
    fn check(&self, side: Side) -> Check {
        match side {
            _ if self.ahead.contains(&side) => Check::NotFiltered,
            Side::Prompt => self.prompt,
            Side::Completion => self.completion,
        }
    }

    /// Returns true if a text of either side was checked, and every other text of that side, too.
    pub(crate) fn is_checked(&self) -> bool {
        let is_checked = |check| matches!(check, Check::Filtered | Check::FilteredLater);
        is_checked(self.prompt) || is_checked(self.completion)
    }

    /// Returns everything that was found, in the form for abuse monitoring.
    pub(crate) fn found(&self) -> Vec<Finding> {
        let finding = |((side, category), found): (&(Side, Category), &Found)| Finding {
            side: *side,
            category: category.clone(),
            severity: found.severity,
            filtered: found.filtered,
        };
        self.findings.iter().map(finding).collect()
    }

    fn raise(&mut self, side: Side, check: Check) {
        let own = match side {
            Side::Prompt => &mut self.prompt,
            Side::Completion => &mut self.completion,
        };
        *own = check.max(*own);
    }
}

#[cfg(test)]
mod tests {
    use policy::guard::{
        blocklist::{Blocklist, Term},
        filter::{Filter, Rule, Threshold},
        lexicon::Lexicon,
        normalise::Readings,
        verdict::{BlocklistName, Layer},
    };

    use super::*;

    const LIST: &str = "secrets";

    /// A filter that needs no heads: profanity is shown, and a list blocks.
    fn filter() -> Filter {
        let list = Category::Blocklist(BlocklistName::new(LIST).unwrap());
        let off = Category::BUILT_IN.into_iter().map(|category| (category, Rule::OFF));
        let on = [(Category::Profanity, Rule::ANNOTATE), (list, Rule::block(Threshold::Low))];
        off.chain(on).fold(Filter::standard(), |filter, (category, rule)| {
            Side::BOTH.into_iter().fold(filter, |filter, side| {
                filter.clone().with(category.clone(), side, rule).unwrap_or(filter)
            })
        })
    }

    pub(super) fn results(text: &str, side: Side) -> Results {
        let readings = Readings::of(text).unwrap();
        let term = Term::Exact("codename heron".to_owned().into());
        let list = Blocklist::new(BlocklistName::new(LIST).unwrap(), &[term]).unwrap();
        let profane = Lexicon::built_in().unwrap().verdict(&readings, side);
        filter().judge(&profane.and(list.verdict(&readings, side)).unwrap()).unwrap()
    }

    fn findings(screening: &Screening) -> Vec<(Side, &str, Severity, bool)> {
        let found = screening.findings.iter();
        found
            .map(|((side, one), found)| (*side, one.name(), found.severity, found.filtered))
            .collect()
    }

    #[test]
    fn of_many_texts_the_highest_severity_of_each_category_and_side_counts() {
        let mut screening = Screening::default();
        assert_eq!(screening.check(Side::Prompt), Check::NothingToCheck);
        for text in ["what a day", "what a fucking day", "what a day"] {
            screening.add_results(&results(text, Side::Prompt));
        }
        assert_eq!(
            findings(&screening),
            [(Side::Prompt, "profanity", Severity::Medium, false)],
            "safe results are no findings"
        );
        screening.add_results(&results("about codename heron", Side::Completion));
        screening.add_results(&results("and another day", Side::Completion));
        assert_eq!(
            findings(&screening),
            [
                (Side::Prompt, "profanity", Severity::Medium, false),
                (Side::Completion, "custom_blocklists", Severity::High, true),
            ],
            "what was blocked once stays blocked"
        );
        assert_eq!(screening.check(Side::Prompt), Check::Filtered);
        assert_eq!(screening.check(Side::Completion), Check::Filtered);
    }

    #[test]
    fn each_detector_that_looked_is_named_once_also_if_it_found_nothing() {
        let mut screening = Screening::default();
        screening.add_results(&results("what a day", Side::Prompt));
        screening.add_results(&results("what a day", Side::Completion));
        let layers: Vec<_> = screening.sources.iter().map(|source| source.layer).collect();
        assert_eq!(layers, [Layer::Blocklist, Layer::Lexicon]);
    }

    #[test]
    fn a_part_that_was_not_filtered_is_not_covered_by_the_others() {
        let mut screening = Screening::default();
        screening.later(Side::Completion);
        assert_eq!(screening.check(Side::Completion), Check::NotFiltered, "not yet");
        screening.add_results(&results("what a day", Side::Completion));
        assert_eq!(screening.check(Side::Completion), Check::FilteredLater);
        screening.later(Side::Completion);
        assert_eq!(screening.check(Side::Completion), Check::NotFiltered, "no results since");
        screening.add_results(&results("what a day", Side::Completion));
        assert_eq!(screening.check(Side::Completion), Check::FilteredLater);
        screening.not_filtered(Side::Completion);
        screening.later(Side::Completion);
        screening.add_results(&results("what a day", Side::Completion));
        assert_eq!(screening.check(Side::Completion), Check::NotFiltered);
        assert_eq!(screening.check(Side::Prompt), Check::NothingToCheck);
    }

    #[test]
    fn a_side_in_which_the_filter_looks_for_nothing_is_not_filtered() {
        let readings = Readings::of("what a day").unwrap();
        let verdict = Lexicon::built_in().unwrap().verdict(&readings, Side::Completion);
        let mut filter = filter();
        for (category, _) in self::filter().needed(Side::Completion) {
            filter = filter.with(category.clone(), Side::Completion, Rule::OFF).unwrap();
        }
        let mut screening = Screening::default();
        screening.add_results(&filter.judge(&verdict).unwrap());
        assert_eq!(screening.check(Side::Completion), Check::NotFiltered);
        assert!(screening.sources.is_empty());
    }
}
