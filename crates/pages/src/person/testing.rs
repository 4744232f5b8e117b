//! Help for the tests of these pages.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Answer, Badges, Desk, Refused, Visit, find};
use crate::{format::Query, layout::Frame, words::Lang};

/// 30 November 2026, 08:00 UTC.
pub(super) const NOW: u64 = 1_796_025_600_000;

/// A text that must not become markup.
pub(super) const HOSTILE: &str =
    "</td></title><script>alert(1)</script><img src=x onerror='a()'>\"&";

/// A visit of a desk in a language.
pub(super) fn visit(desk: Desk, lang: Lang) -> Visit<'static> {
    let frame = Frame {
        lang,
        is_lang_named: false,
        service: "bailiwick/227f1130f664",
        version: "0.1.0",
        here: "/pages/here",
    };
    static BADGES: LazyLock<Badges> = LazyLock::new(Badges::default);
    let name = Some("Ada Lovelace");
    Visit { frame, desk, csrf: "the-token", name, badges: &BADGES, now_ms: NOW }
}

/// Makes the page with this address of answers, in both languages, and checks its form.
pub(super) fn shown(desk: Desk, address: &str, answers: &[Answer]) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let view = find(desk, path, &Query::parse(query)).unwrap_or_else(|| panic!("{address}"));
    assert_eq!(view.asks().len(), answers.len(), "{address}");
    let [english, german] = [Lang::En, Lang::De].map(|lang| view.html(&visit(desk, lang), answers));
    assert!(german.contains("<html lang=\"de\">"));
    check(&english);
    check(&german);
    english
}

/// Makes the page of these values, and the same page of refusals and of hostile texts.
pub(super) fn page(desk: Desk, address: &str, values: &[Value]) -> String {
    let answers: Vec<_> = values.iter().cloned().map(Answer::Value).collect();
    let page = shown(desk, address, &answers);
    assert!(!page.contains("cannot read the API"), "{address}");
    let hostile: Vec<_> = values.iter().map(|value| Answer::Value(hostile(value))).collect();
    shown(desk, address, &hostile);
    let refused = Refused { status: 403, code: "Forbidden".into(), message: "not for you".into() };
    let refused = shown(desk, address, &vec![Answer::Refused(refused); values.len()]);
    assert!(refused.contains("not for you"), "{address}");
    page
}

/// Puts a hostile text in place of each text that no page reads as a word or a time.
pub(super) fn hostile(value: &Value) -> Value {
    match value {
        Value::String(text) if WORDS.contains(&text.as_str()) => value.clone(),
        Value::String(_) => HOSTILE.into(),
        Value::Array(items) => items.iter().map(hostile).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), hostile(value))).collect()
        }
        other => other.clone(),
    }
}

/// Words that decide about the parts of a page.
const WORDS: [&str; 9] =
    ["reviewer", "manager", "customer", "look", "judgement", "open", "false", "done", "Throttle"];

/// Checks the markup that every page must have.
pub(super) fn check(page: &str) {
    let count = |text: &str| page.matches(text).count();
    assert_eq!(count("<h1>"), 1);
    assert_eq!(count("</title>"), 1);
    assert_eq!(count("<script"), count("<script type=\"module\" src=\"/trust/files/"), "{page}");
    for inline in ["<img", " style=", "<style", " onclick", "javascript:"] {
        assert_eq!(count(inline), 0, "{inline}");
    }
    assert_eq!(count("<form"), count("</form>"));
    let posts = count("method=\"post\"");
    assert_eq!(posts, count("value=\"the-token\""), "each form has the token");
    // Each input is hidden, or stands in a label.
    for (before, input) in page.match_indices("<input").map(|(at, _)| page.split_at(at)) {
        let tag = input.split('>').next().unwrap();
        let is_labelled = before.rfind("<label>") > before.rfind("</label>");
        assert!(tag.contains("type=\"hidden\"") || is_labelled, "{tag}");
    }
    // Headings go down by one level at a time.
    let level = |rest: &str| rest.chars().next()?.to_digit(10);
    let levels = page.split("<h").skip(1).filter_map(level);
    levels.fold(1, |before, level| {
        assert!(level <= before + 1, "a heading of level {level} after {before}");
        level
    });
    assert!(page.len() < 150_000, "{} bytes", page.len());
}
