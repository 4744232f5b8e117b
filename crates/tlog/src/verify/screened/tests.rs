use super::{super::receipt::tests::verified, *};
use crate::receipt::tests::{claims, screened};

type Change = fn(&mut Claims);

fn breaches(change: impl Fn(&mut Claims)) -> Vec<alloc::string::String> {
    let mut claims = screened();
    change(&mut claims);
    verified(claims).breaches().into_iter().map(|finding| finding.what).collect()
}

fn seen(claims: &mut Claims) -> &mut Screened {
    claims.facts.screened.as_mut().unwrap()
}

fn unnamed(claims: &mut Claims) {
    claims.terms.content_filter.as_mut().unwrap().detectors.clear();
}

#[test]
fn claims_that_agree_are_no_breach() {
    assert!(breaches(|_| {}).is_empty());
    assert!(breaches(|c| *c = claims()).is_empty(), "a receipt of an earlier version");
    let refused = |c: &mut Claims| {
        seen(c).findings[0].filtered = true;
        (seen(c).completion, c.facts.outcome) = (Check::NothingToCheck, Outcome::Refused);
        seen(c).findings.truncate(1);
    };
    assert!(breaches(refused).is_empty(), "a blocked prompt");
    let down = |c: &mut Claims| {
        unnamed(c);
        *seen(c) = Screened {
            prompt: Check::NotFiltered,
            completion: Check::NotFiltered,
            findings: Vec::new(),
        };
    };
    assert!(breaches(down).is_empty(), "detectors that are down");
    let partly = |c: &mut Claims| seen(c).completion = Check::NotFiltered;
    assert!(breaches(partly).is_empty(), "a finding in the part that was checked");
}

#[test]
fn each_contradiction_is_a_breach_and_named() {
    let cases: [(&str, Change); 9] = [
        ("both", |c| c.terms.filter = Filter::None),
        ("both", |c| (c.terms.filter, c.facts.screened) = (Filter::None, None)),
        ("both", |c| (c.terms.filter, c.terms.content_filter) = (Filter::None, None)),
        ("does not say which", |c| c.terms.content_filter = None),
        ("does not say which", |c| c.facts.screened = None),
        ("was filtered, and names no detector", |c| {
            unnamed(c);
            seen(c).findings.clear();
        }),
        ("has a finding of the content filter, and names no", |c| {
            unnamed(c);
            (seen(c).prompt, seen(c).completion) = (Check::NotFiltered, Check::NotFiltered);
        }),
        ("in a text that nothing checked", |c| seen(c).completion = Check::NothingToCheck),
        ("blocked the prompt, and the request was answered", |c| {
            seen(c).findings[0].filtered = true;
        }),
    ];
    for (expected, change) in cases {
        let found = breaches(change);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}
