//! The claims of the receipt about the content filter.

use std::collections::BTreeMap;

use policy::guard::verdict;
use store::ledger::NotRecorded;
use tlog::{
    canon::Digest,
    receipt::{
        Category, Check, ContentFilter, DETECTORS_MAX, Detector, Filter, Finding, Screened,
        Severity, Side,
    },
};

use super::{Found, Screening};

/// What the receipt says about the content filter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// Whether one applied.
    pub filter: Filter,
    /// The one that applied.
    pub content_filter: Option<ContentFilter>,
    /// What it checked and found.
    pub screened: Option<Screened>,
}

impl Screening {
    /// Returns the receipt's claims. A request that ended before its filter was known has none.
    ///
    /// # Errors
    /// If there are results and no filter, or more detectors than a receipt can name: such a
    /// receipt would leave something out.
    pub(crate) fn claims(&self) -> Result<Claimed, NotRecorded> {
        let [prompt, completion] = verdict::Side::BOTH.map(|side| self.check(side));
        let Some(filter) = &self.filter else {
            return match (prompt, completion) {
                (Check::NothingToCheck, Check::NothingToCheck) => {
                    Ok(Claimed { filter: Filter::None, content_filter: None, screened: None })
                }
                _ => Err(inexpressible("a content filter without a name judged texts")),
            };
        };
        if self.sources.len() > DETECTORS_MAX {
            return Err(inexpressible("more detectors looked than a receipt names"));
        }
        let detectors = self.sources.iter().map(|source| Detector {
            layer: source.layer.name().to_owned(),
            digest: Digest(*source.digest.bytes()),
        });
        let content_filter = ContentFilter {
            name: filter.name.clone(),
            policy: Digest(*filter.digest.bytes()),
            detectors: detectors.collect(),
        };
        let screened = Screened { prompt, completion, findings: self.claimed_findings() };
        Ok(Claimed {
            filter: Filter::Named,
            content_filter: Some(content_filter),
            screened: Some(screened),
        })
    }

    /// Returns the findings in the receipt's order. All lists of a resource are one category there.
    fn claimed_findings(&self) -> Vec<Finding> {
        let mut by_place: BTreeMap<(Side, Category), Found> = BTreeMap::new();
        for ((side, category), found) in &self.findings {
            let together = by_place.entry((side_of(*side), category_of(category))).or_default();
            together.severity = together.severity.max(found.severity);
            together.filtered |= found.filtered;
        }
        let finding = |((side, category), found): ((Side, Category), Found)| Finding {
            side,
            category,
            severity: severity_of(found.severity).filter(|_| category.is_graded()),
            filtered: found.filtered,
        };
        by_place.into_iter().map(finding).collect()
    }
}

fn inexpressible(reason: &str) -> NotRecorded {
    NotRecorded { reason: reason.to_owned(), help: "this should not happen: report it".to_owned() }
}

fn side_of(side: verdict::Side) -> Side {
    match side {
        verdict::Side::Prompt => Side::Prompt,
        verdict::Side::Completion => Side::Completion,
    }
}

fn category_of(category: &verdict::Category) -> Category {
    match category {
        verdict::Category::Hate => Category::Hate,
        verdict::Category::Sexual => Category::Sexual,
        verdict::Category::Violence => Category::Violence,
        verdict::Category::SelfHarm => Category::SelfHarm,
        verdict::Category::Jailbreak => Category::Jailbreak,
        verdict::Category::IndirectAttack => Category::IndirectAttack,
        verdict::Category::Profanity => Category::Profanity,
        verdict::Category::ProtectedMaterialText => Category::ProtectedMaterialText,
        verdict::Category::ProtectedMaterialCode => Category::ProtectedMaterialCode,
        verdict::Category::Blocklist(_) => Category::Blocklist,
    }
}

fn severity_of(severity: verdict::Severity) -> Option<Severity> {
    match severity {
        verdict::Severity::Safe => None,
        verdict::Severity::Low => Some(Severity::Low),
        verdict::Severity::Medium => Some(Severity::Medium),
        verdict::Severity::High => Some(Severity::High),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use policy::guard::verdict::{Category as Kind, Severity as Grade, Side as Place};
    use store::ContentFilter as Filtering;
    use tlog::canon;

    use super::*;
    use crate::screening::tests::results;

    fn screening() -> Screening {
        Screening { filter: Some(Arc::new(Filtering::built_in())), ..Screening::default() }
    }

    #[test]
    fn the_receipt_names_the_filter_its_detectors_and_what_they_found() {
        let mut screening = screening();
        screening.add_results(&results("what a fucking day", Place::Prompt));
        screening.later(Place::Completion);
        screening.add_results(&results("about codename heron", Place::Completion));
        let claims = screening.claims().unwrap();
        assert_eq!(claims.filter, Filter::Named);
        let filter = claims.content_filter.unwrap();
        assert_eq!(filter.name, "Microsoft.DefaultV2");
        let layers: Vec<_> = filter.detectors.iter().map(|one| one.layer.as_str()).collect();
        assert_eq!(layers, ["blocklist", "lexicon"]);
        let screened = claims.screened.unwrap();
        assert_eq!((screened.prompt, screened.completion), (Check::Filtered, Check::FilteredLater));
        let profanity = Finding {
            side: Side::Prompt,
            category: Category::Profanity,
            severity: None,
            filtered: false,
        };
        let (side, category) = (Side::Completion, Category::Blocklist);
        let list = Finding { side, category, severity: None, filtered: true };
        assert_eq!(screened.findings, [profanity, list], "the list has no name here");
    }

    /// Claims that `tlog` does not read back would make the receipt unreadable.
    #[test]
    fn every_finding_is_read_back() {
        let mut screening = screening();
        let lists = ["a", "b"].map(|name| verdict::BlocklistName::new(name).unwrap());
        let kinds = Kind::BUILT_IN.into_iter().chain(lists.map(Kind::Blocklist));
        for (place, kind) in kinds.flat_map(|kind| Place::BOTH.map(|place| (place, kind.clone()))) {
            let found = Found { severity: Grade::High, filtered: kind == Kind::BUILT_IN[0] };
            screening.findings.insert((place, kind), found);
        }
        let screened = screening.claims().unwrap().screened.unwrap();
        assert_eq!(screened.findings.len(), tlog::receipt::FINDINGS_MAX);
        let graded = screened.findings.iter().filter(|one| one.severity.is_some());
        assert_eq!(graded.count(), 8);
        let bytes = canon::encode(&screened);
        assert_eq!(canon::decode::<Screened>(&bytes, "screened"), Ok(screened));
    }

    #[test]
    fn a_request_without_a_filter_claims_none_and_results_without_one_are_refused() {
        let none = Claimed { filter: Filter::None, content_filter: None, screened: None };
        assert_eq!(Screening::default().claims().unwrap(), none);
        let mut nameless = Screening::default();
        nameless.add_results(&results("what a day", Place::Prompt));
        assert!(nameless.claims().is_err());
        let mut unfiltered = Screening::default();
        unfiltered.not_filtered(Place::Prompt);
        assert!(unfiltered.claims().is_err());
    }
}
