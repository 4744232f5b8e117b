//! The canonical text of a filter, and its digest: receipts and the log name a filter by it.
//! `docs/spec/content-filter.md` defines both.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Action, BlocklistName, Category, Filter, Rule, Side};
use crate::guard::verdict::Digest;

/// First line of the text.
const HEAD: &str = "bailiwick-content-filter-v1";

impl Filter {
    /// Returns the canonical text: a line for the mode, one for detectors that are down, and one
    /// for each rule that has an effect. `lists` has the digests of the blocklists that the filter
    /// names. Filters that decide alike have the same text: Azure's earlier names of modes, rules
    /// that are off, and thresholds without effect make no difference.
    #[must_use]
    pub fn canonical(&self, lists: &BTreeMap<BlocklistName, Digest>) -> String {
        let mode = if self.mode.is_ahead() { "asynchronous" } else { "default" };
        let when_down = self.when_down.name();
        let mut text = format!("{HEAD}\nmode {mode}\nwhen-down {when_down}\n");
        for ((category, side), rule) in &self.rules {
            line(&mut text, (category, *side), *rule, lists);
        }
        text
    }

    /// Returns the SHA-256 of [`Filter::canonical`].
    #[must_use]
    pub fn digest(&self, lists: &BTreeMap<BlocklistName, Digest>) -> Digest {
        Digest::of(self.canonical(lists).as_bytes())
    }
}

/// Adds the line of a rule, unless the rule is off.
fn line(
    text: &mut String,
    (category, side): (&Category, Side),
    rule: Rule,
    lists: &BTreeMap<BlocklistName, Digest>,
) {
    let action = match rule.action {
        Action::Off => return,
        Action::Annotate => "annotate",
        Action::Block if !category.is_graded() => "block",
        Action::Block => match rule.threshold {
            super::Threshold::Low => "block-low",
            super::Threshold::Medium => "block-medium",
            super::Threshold::High => "block-high",
        },
    };
    let side = match side {
        Side::Prompt => "prompt",
        Side::Completion => "completion",
    };
    // A `String` takes every write.
    let _ = write!(text, "{} {side} {action}", category.name());
    if let Category::Blocklist(name) = category {
        let digest = lists.get(name).map_or_else(|| "-".to_owned(), Digest::to_string);
        let _ = write!(text, " {} {digest}", name.as_str());
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::{Mode, Threshold, WhenDown};
    use super::*;

    #[test]
    fn the_text_of_the_standard_filter_is_fixed() {
        let text = Filter::standard().canonical(&BTreeMap::new());
        assert_eq!(
            text,
            "bailiwick-content-filter-v1\nmode default\nwhen-down refuse\n\
             hate prompt block-medium\nhate completion block-medium\n\
             sexual prompt block-medium\nsexual completion block-medium\n\
             violence prompt block-medium\nviolence completion block-medium\n\
             self_harm prompt block-medium\nself_harm completion block-medium\n\
             jailbreak prompt block\nprotected_material_text completion block\n\
             protected_material_code completion annotate\n"
        );
        // By `sha256sum`.
        assert_eq!(
            Filter::standard().digest(&BTreeMap::new()).to_string(),
            "3d41bfba9a65ba241c4cadf9b0128575751bcb4b84f7b68e2899452875f1953b"
        );
    }

    #[test]
    fn filters_that_decide_alike_have_one_digest_and_others_have_others() {
        let none = BTreeMap::new();
        let standard = Filter::standard();
        let same = [
            standard.clone().with_mode(Mode::Blocking),
            standard.clone().with(Category::Profanity, Side::Prompt, Rule::OFF).unwrap(),
            standard
                .clone()
                .with(Category::Jailbreak, Side::Prompt, Rule::block(Threshold::Low))
                .unwrap(),
        ];
        for filter in same {
            assert_eq!(filter.digest(&none), standard.digest(&none));
        }
        let list = BlocklistName::new("words").unwrap();
        let named = standard
            .clone()
            .with(Category::Blocklist(list.clone()), Side::Prompt, Rule::block(Threshold::Medium))
            .unwrap();
        let with = |byte| BTreeMap::from([(list.clone(), Digest::new([byte; 32]))]);
        let digests = [
            standard.digest(&none),
            standard.clone().with_mode(Mode::Deferred).digest(&none),
            standard.clone().with_when_down(WhenDown::Unfiltered).digest(&none),
            standard
                .with(Category::Hate, Side::Prompt, Rule::block(Threshold::Low))
                .unwrap()
                .digest(&none),
            named.digest(&none),
            named.digest(&with(1)),
            named.digest(&with(2)),
        ];
        for (index, one) in digests.iter().enumerate() {
            assert!(!digests.iter().skip(index + 1).any(|other| other == one), "{index}");
        }
    }
}
