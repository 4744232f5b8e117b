use policy::{
    abuse::{Finding, Pseudonym},
    guard::{
        filter::{Filter, Rule, Threshold},
        lexicon::Lexicon,
        normalise::Readings,
        verdict::{Category, Severity, Side},
    },
};
use tokio_util::task::TaskTracker;

use super::*;
use crate::{config::Config, fleet::Fleet, manage::tests::people::People};

fn labels(user: Option<&str>, safety_identifier: Option<&str>) -> CallerLabels {
    let content = |text: &str| Content::new(text.to_owned());
    CallerLabels {
        user: user.map(content),
        safety_identifier: safety_identifier.map(content),
        metadata: Vec::new(),
    }
}

fn text(text: &str) -> Prompt {
    Prompt::Text(Text::from(text.to_owned()))
}

#[test]
fn the_same_prompt_has_the_same_hash_for_every_end_user() {
    let of = |labels, text: &Prompt| Watched::of(&labels, [text]).text;
    let (one, other) = (text("one"), text("other"));
    assert_eq!(of(labels(Some("alice"), None), &one), of(labels(None, Some("bob")), &one));
    assert_ne!(of(labels(None, None), &one), of(labels(None, None), &other));
    // Two texts are not one longer text.
    let none = labels(None, None);
    let apart = Watched::of(&none, [&text("ab"), &text("c")]).text;
    assert_ne!(apart, Watched::of(&none, [&text("a"), &text("bc")]).text);
    let inputs = |texts: &[&str]| {
        let inputs: Vec<_> =
            texts.iter().map(|text| EmbedInput::Text(Text::from((*text).to_owned()))).collect();
        Watched::of_inputs(&none, &inputs).text
    };
    assert_eq!(inputs(&["ab", "c"]), apart);
    assert_ne!(
        Watched::of_inputs(&none, &[EmbedInput::Tokens(vec![1, 2])]).text,
        Watched::of_inputs(&none, &[EmbedInput::Tokens(vec![1]), EmbedInput::Tokens(vec![2])]).text
    );
}

#[test]
fn the_newer_field_names_the_end_user_and_an_empty_one_names_none() {
    let name = |user, identifier| {
        let watched = Watched::of(&labels(user, identifier), []);
        watched.end_user.map(|name| name.reveal().to_owned())
    };
    assert_eq!(name(Some("alice"), None).as_deref(), Some("alice"));
    assert_eq!(name(Some("alice"), Some("a1")).as_deref(), Some("a1"));
    assert_eq!(name(None, Some("")), None);
    let printed = format!("{:?}", Watched::of(&labels(Some("alice"), Some("a1")), []));
    assert!(!printed.contains("alice") && !printed.contains("a1"), "{printed}");
}

/// A filter that needs the lexicon alone, so that this test needs no trained heads.
fn results(text: &str, side: Side) -> policy::guard::filter::Results {
    let off = Category::BUILT_IN.into_iter().map(|category| (category, Rule::OFF));
    let on = [(Category::Profanity, Rule::block(Threshold::Low))];
    let filter = off.chain(on).fold(Filter::standard(), |filter, (category, rule)| {
        Side::BOTH.into_iter().fold(filter, |filter, side| {
            filter.clone().with(category.clone(), side, rule).unwrap_or(filter)
        })
    });
    let readings = Readings::of(text).unwrap();
    filter.judge(&Lexicon::built_in().unwrap().verdict(&readings, side)).unwrap()
}

#[test]
fn a_request_counts_once_a_text_of_it_was_checked() {
    let (resource, request) = (ResourceId::from_random([1; 16]), RequestId::from_random([2; 16]));
    let seen = |screening: &Screening| Watched::default().seen(screening, resource, request);
    let mut screening = Screening::default();
    assert!(seen(&screening).is_none(), "a request that was refused before the filter");
    screening.not_filtered(Side::Prompt);
    assert!(seen(&screening).is_none(), "unchecked is not harmless");
    screening.add_results(&results("a fucking day", Side::Completion));
    let seen = seen(&screening).unwrap();
    assert_eq!((seen.resource, seen.request), (resource, request));
    let expected = Finding {
        side: Side::Completion,
        category: Category::Profanity,
        severity: Severity::Medium,
        filtered: true,
    };
    assert_eq!(seen.findings, [expected]);
}

#[test]
fn a_monitor_counts_in_its_own_time_and_its_numbers_name_no_tenant_and_no_end_user() {
    let people = People::under(Config::default());
    let store = people.management.store().clone();
    let resource = store.directory().unwrap().resource_by_name("acme-prod").unwrap().id;
    let fleet = Fleet::new(&Config::default(), TaskTracker::new());
    let metrics = Arc::new(Metrics::new(fleet));
    let monitor = Monitor::start(store.clone(), Arc::clone(&metrics)).unwrap();
    let finding = |severity| Finding {
        side: Side::Prompt,
        category: Category::Violence,
        severity,
        filtered: true,
    };
    for n in 0..8 {
        monitor.see(Seen {
            resource,
            request: RequestId::from_random([n; 16]),
            findings: vec![finding(Severity::Medium)],
            end_user: Some(Content::new("canary-alice".to_owned())),
            text: [n; 32],
        });
    }
    // Nothing was recorded, so there is no record to flag: the owner is notified.
    let notices = || {
        let state = store.directory().unwrap().penalty(resource).cloned().unwrap();
        state.notices().count()
    };
    let began = Instant::now();
    // The act is counted after it was stored.
    let counted =
        || metrics.encode().unwrap().contains("bailiwick_abuse_acts_total{act=\"notice\"} 1");
    while notices() == 0 || !counted() {
        assert!(began.elapsed() < Duration::from_secs(60), "the notice does not come");
        thread::yield_now();
    }
    let name = Content::new("canary-alice".to_owned());
    let hash = store.end_user(resource, &name).unwrap().as_ref().map(Pseudonym::to_string).unwrap();
    let numbers = metrics.encode().unwrap();
    for line in [
        "bailiwick_filter_findings_total{side=\"prompt\",category=\"violence\",severity=\"medium\",filtered=\"true\"} 8",
        "bailiwick_abuse_acts_total{act=\"notice\"} 1",
        "bailiwick_abuse_uncounted_total 0",
    ] {
        assert!(numbers.contains(line), "{line}: {numbers}");
    }
    let private = ["canary", "acme", &hash, &resource.to_string()];
    assert!(!private.iter().any(|word| numbers.contains(word)), "{numbers}");
}
