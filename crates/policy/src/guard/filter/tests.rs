use super::*;
use crate::guard::verdict::{Digest, Layer, Source};

fn source() -> Source {
    Source { layer: Layer::Encoder, digest: Digest::new([7; 32]) }
}

/// A verdict in which every needed category was looked for, with one finding.
fn verdict(filter: &Filter, side: Side, found: &Category, severity: Severity) -> Verdict {
    filter.needed(side).fold(Verdict::by(side), |verdict, (category, _)| {
        let severity = if category == found { severity } else { Severity::Safe };
        verdict.add(category.clone(), severity, source())
    })
}

fn list() -> Category {
    Category::Blocklist(BlocklistName::new("names").unwrap())
}

#[test]
fn the_standard_filter_blocks_harm_at_medium_on_both_sides() {
    let filter = Filter::standard();
    for side in Side::BOTH {
        for category in Category::GRADED {
            for (severity, blocked) in [
                (Severity::Safe, false),
                (Severity::Low, false),
                (Severity::Medium, true),
                (Severity::High, true),
            ] {
                let results = filter.judge(&verdict(&filter, side, &category, severity)).unwrap();
                assert_eq!(results.is_blocked(), blocked, "{category:?} {side:?} {severity:?}");
                assert_eq!(results.blocked_by().count(), usize::from(blocked));
                let shown = results.annotations().iter().find(|one| one.category == category);
                assert_eq!(shown.unwrap().severity, severity);
            }
        }
    }
}

#[test]
fn the_standard_filter_blocks_jailbreaks_and_known_text_and_annotates_known_code() {
    let filter = Filter::standard();
    for (category, side, blocked) in [
        (Category::Jailbreak, Side::Prompt, true),
        (Category::ProtectedMaterialText, Side::Completion, true),
        (Category::ProtectedMaterialCode, Side::Completion, false),
    ] {
        let results = filter.judge(&verdict(&filter, side, &category, Severity::High)).unwrap();
        assert_eq!(results.is_blocked(), blocked);
        assert!(results.annotations().iter().any(|one| one.category == category && one.detected()));
    }
    assert_eq!(filter.rule(&Category::IndirectAttack, Side::Prompt), Rule::OFF);
    assert_eq!(filter.rule(&Category::Profanity, Side::Prompt), Rule::OFF);
}

#[test]
fn a_category_that_no_detector_looked_for_makes_the_filter_unavailable() {
    let filter = Filter::standard();
    let nothing = Verdict::by(Side::Prompt);
    let error = filter.judge(&nothing).unwrap_err();
    assert_eq!(error.down(), &Down::NotLookedFor(Category::Hate));
    assert_eq!(error.when_down(), WhenDown::Refuse);
}

#[test]
fn a_category_that_is_off_is_neither_needed_nor_shown() {
    let filter = Filter::standard().with(Category::Hate, Side::Prompt, Rule::OFF).unwrap();
    let other = verdict(&filter, Side::Prompt, &Category::Violence, Severity::Low);
    let verdict = other.add(Category::Hate, Severity::High, source());
    let results = filter.judge(&verdict).unwrap();
    assert!(!results.is_blocked());
    assert!(results.annotations().iter().all(|one| one.category != Category::Hate));
}

#[test]
fn categories_of_one_side_are_refused_on_the_other() {
    for (category, side) in [
        (Category::Jailbreak, Side::Completion),
        (Category::IndirectAttack, Side::Completion),
        (Category::ProtectedMaterialCode, Side::Prompt),
    ] {
        let error = Filter::standard().with(category, side, Rule::ANNOTATE).unwrap_err();
        assert!(matches!(error, BadRule::Side { .. }), "{error}");
    }
}

#[test]
fn custom_lists_block_and_are_counted() {
    let filter =
        Filter::standard().with(list(), Side::Prompt, Rule::block(Threshold::High)).unwrap();
    let found = verdict(&filter, Side::Prompt, &list(), Severity::Low);
    assert_eq!(filter.judge(&found).unwrap().blocked_by().collect::<Vec<_>>(), [&list()]);
    let many = (0..=MOST_BLOCKLISTS).try_fold(Filter::standard(), |filter, number| {
        let name = BlocklistName::new(&format!("list{number}")).unwrap();
        filter.with(Category::Blocklist(name), Side::Prompt, Rule::ANNOTATE)
    });
    assert_eq!(many, Err(BadRule::TooManyBlocklists));
}

#[test]
fn every_step_down_is_a_weakening_and_no_step_up_is() {
    let steps = [
        Rule::OFF,
        Rule::ANNOTATE,
        Rule::block(Threshold::High),
        Rule::block(Threshold::Medium),
        Rule::block(Threshold::Low),
    ];
    let with = |rule| Filter::standard().with(Category::Violence, Side::Completion, rule).unwrap();
    for (place, lower) in steps.iter().enumerate() {
        for (other, higher) in steps.iter().enumerate() {
            let weakenings = with(*lower).weaker(&with(*higher));
            assert_eq!(weakenings.len(), usize::from(place < other), "{lower:?} {higher:?}");
        }
    }
}

#[test]
fn a_list_that_is_removed_and_modes_that_send_first_are_weakenings() {
    let block = Rule::block(Threshold::Medium);
    let strict = Filter::standard().with(list(), Side::Completion, block).unwrap();
    let weaker = Filter::standard()
        .with_mode(Mode::Deferred)
        .with_when_down(WhenDown::Unfiltered)
        .weaker(&strict);
    assert_eq!(weaker.len(), 3);
    assert!(matches!(&weaker[0], Weakening::Rule { category, .. } if *category == list()));
    assert_eq!(weaker[1..], [Weakening::Ahead, Weakening::Unfiltered]);
    assert!(strict.weaker(&Filter::standard()).is_empty());
}

#[test]
fn the_standard_filter_is_above_the_floor_and_annotating_only_is_below() {
    assert!(Filter::standard().weaker(&Filter::floor()).is_empty());
    assert!(Filter::floor().weaker(&Filter::floor()).is_empty());
    let annotating = Filter::standard().with(Category::Hate, Side::Prompt, Rule::ANNOTATE).unwrap();
    assert_eq!(annotating.weaker(&Filter::floor()).len(), 1);
}
