use super::*;

pub(super) fn exact(text: &str) -> Term {
    Term::Exact(Content::new(text.into()))
}

pub(super) fn regex(text: &str) -> Term {
    Term::Regex(Content::new(text.into()))
}

pub(super) fn list(terms: &[Term]) -> Result<Blocklist, BadTerm> {
    Blocklist::new(BlocklistName::new("words").unwrap(), terms)
}

fn found<'a>(terms: &[Term], text: &'a str) -> Option<&'a str> {
    let place = list(terms).unwrap().find(&Readings::of(text).unwrap())?;
    text.get(place)
}

#[test]
fn debug_shows_no_letter_of_a_term() {
    let shown = format!("{:?}", list(&[exact("z"), exact("zz"), regex("z{3}")]).unwrap());
    assert!(shown.contains("Terms(2)") && !shown.contains('z'), "{shown}");
}

#[test]
fn exact_terms_are_found_in_every_disguise() {
    let terms = [exact("Project Falcon"), exact("bomb")];
    for (text, term) in [
        ("about project  falcon", None),
        ("about PROJECT FALCON.", Some("PROJECT FALCON")),
        ("bombastic", None),
        ("a ｂоｍb here", Some("ｂоｍb")),
        ("a b\u{200b}omb", Some("b\u{200b}omb")),
        ("a b0mb", Some("b0mb")),
        ("a b o m b!", Some("b o m b")),
        ("a %62%6fmb", Some("%62%6fmb")),
        ("SSBtYWRlIGEgYm9tYiB0b2RheQ", Some("SSBtYWRlIGEgYm9tYiB0b2RheQ")),
    ] {
        assert_eq!(found(&terms, text), term, "{text}");
    }
}

#[test]
fn regular_expressions_are_found_as_written_and_in_disguise() {
    let terms = [regex(r"\bID-[0-9]{4}\b"), regex("(?i)se[ck]ret plans?")];
    assert_eq!(found(&terms, "see ID-1234."), Some("ID-1234"));
    assert_eq!(found(&terms, "see ID-12345 or XID-1234"), None);
    assert_eq!(found(&terms, "a S\u{200b}EKRET plan"), Some("S\u{200b}EKRET plan"));
}

#[test]
fn a_list_over_a_limit_is_refused_without_its_text() {
    let many = |number: usize, text: &str| {
        (0..number).map(|one| exact(&format!("{text}{one}"))).collect::<Vec<_>>()
    };
    let regexes: Vec<_> = (0..=MOST_REGEXES).map(|one| regex(&format!("canary{one}"))).collect();
    for (terms, error) in [
        (many(MOST_TERMS + 1, "a"), BadTerm::TooManyTerms),
        (many(2_000, &"a".repeat(100)), BadTerm::TooManyBytes),
        (regexes, BadTerm::TooManyRegexes),
        ((1..20).map(|one| exact(&"a".repeat(one))).collect(), BadTerm::TooNested),
        (vec![exact("a"), exact(" \u{200b}")], BadTerm::Empty(2)),
        (vec![exact(&"canary".repeat(30))], BadTerm::TooLong(1)),
        (vec![exact(&"\u{fdfa}".repeat(20))], BadTerm::TooLong(1)),
        (vec![regex(&"(canary)".repeat(40))], BadTerm::TooLong(1)),
        (vec![regex("(canary")], BadTerm::Syntax(1)),
        (vec![regex("(?=canary)")], BadTerm::Syntax(1)),
        (vec![regex("(canary)?")], BadTerm::MatchesNothing(1)),
        (vec![regex("canary.*bird")], BadTerm::MatchesTooMuch(1)),
        (vec![regex("(canary){40}")], BadTerm::MatchesTooMuch(1)),
        (vec![regex("^canary")], BadTerm::Anchor(1)),
        (vec![exact("a"), regex(r"\w{32}")], BadTerm::TooCostly(2)),
        // Its automaton has to remember which of the last letters were an `a`.
        (vec![regex("a[ab]{60}c")], BadTerm::TooCostly(1)),
    ] {
        let refused = list(&terms).unwrap_err();
        assert_eq!(refused, error);
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
    assert!(list(&many(MOST_TERMS, "a")).is_ok());
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let deep = format!("{}a{}", "(".repeat(120), ")".repeat(120));
    assert_eq!(list(&[regex(&deep)]).unwrap_err(), BadTerm::Syntax(1));
}

#[test]
fn the_edges_of_words_in_regular_expressions_are_those_of_ascii() {
    let terms = [regex(r"\bno[0-9]{1,3}\b")];
    assert_eq!(found(&terms, "a no12, b"), Some("no12"));
    assert_eq!(found(&terms, "éno12é"), Some("no12"));
    assert_eq!(found(&terms, "xno12"), None);
    assert_eq!(found(&[regex(r"é{1,2}[0-9]\b")], "aéé7 é8"), Some("éé7"));
}

#[test]
fn an_empty_list_finds_nothing_and_says_that_it_looked() {
    let verdict = list(&[]).unwrap().verdict(&Readings::of("text").unwrap(), Side::Prompt);
    let category = Category::Blocklist(BlocklistName::new("words").unwrap());
    assert_eq!(verdict.severity(&category), Some(Severity::Safe));
}

#[test]
fn the_digest_depends_on_kind_order_and_text() {
    let digests = [
        list(&[exact("a"), exact("b")]),
        list(&[exact("b"), exact("a")]),
        list(&[exact("a"), regex("b")]),
        list(&[exact("ab")]),
    ]
    .map(|list| list.unwrap().digest());
    let different: std::collections::BTreeSet<_> = digests.into_iter().collect();
    assert_eq!(different.len(), 4);
}

#[test]
fn a_list_cannot_be_printed() {
    let list = list(&[regex("the canary"), exact("canary")]).unwrap();
    assert!(!format!("{:?}", list.regexes).contains("canary"));
}
