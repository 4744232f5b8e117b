//! Checks that each page of these areas passes: with answers of the API, with refusals, with hostile texts
//! in each field, in both languages.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{Answer, Badges, Desk, Refused, Visit, find};
use crate::{format::Query, layout::Frame, words::Lang};

/// Monday, 30 November 2026, 08:00 UTC.
pub(super) const NOW: u64 = 1_796_025_600_000;

const HOSTILE: &str =
    "</td>\"'><script>alert(1)</script><img src=x onerror=a()> style=\"x\" javascript:";

/// Makes a page at the owner desk.
pub(super) fn page(address: &str, answers: &[Answer], lang: Lang) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let view = find(Desk::Owner, path, &Query::parse(query)).unwrap();
    assert_eq!(view.asks().len(), answers.len(), "{address}");
    assert_eq!(view.asks_at(NOW).len(), answers.len(), "{address}");
    let here = format!("/pages{address}");
    let frame =
        Frame { lang, is_lang_named: false, service: "log.example/a", version: "1", here: &here };
    let badges = Badges::default();
    let visit = Visit {
        frame,
        desk: Desk::Owner,
        csrf: "the-token",
        name: Some("Ada"),
        badges: &badges,
        now_ms: NOW,
    };
    view.html(&visit, answers)
}

/// Makes a page of the values that the API answers, and checks it in all ways. Returns it in English.
pub(super) fn checked(address: &str, values: &[Value]) -> String {
    let answers: Vec<_> = values.iter().cloned().map(Answer::Value).collect();
    for lang in [Lang::En, Lang::De] {
        let shown = page(address, &answers, lang);
        sound(&shown, address);
        assert!(!shown.contains("cannot read"), "{address}: an answer was not read\n{shown}");
    }
    let refusal = Refused {
        status: 403,
        code: "Forbidden".to_owned(),
        message: format!("the caller may not {HOSTILE}"),
    };
    let refused: Vec<_> = values.iter().map(|_| Answer::Refused(refusal.clone())).collect();
    let shown = page(address, &refused, Lang::En);
    sound(&shown, address);
    assert!(shown.contains("the caller may not"), "{address}");
    // A refusal of one part takes nothing from the others.
    for place in 0..values.len() {
        let mut one: Vec<_> = answers.clone();
        one[place] = Answer::Refused(refusal.clone());
        sound(&page(address, &one, Lang::En), address);
    }
    let hostile: Vec<_> = values.iter().map(|value| Answer::Value(spoilt(value))).collect();
    let shown = page(address, &hostile, Lang::En);
    sound(&shown, address);
    assert!(shown.contains("&lt;script&gt;"), "{address}: the hostile texts are shown\n{shown}");
    page(address, &answers, Lang::En)
}

/// Replaces each text of a value.
fn spoilt(value: &Value) -> Value {
    match value {
        // Each is another text, because ids are unique.
        Value::String(_) => {
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            format!("{HOSTILE}{}", NUMBER.fetch_add(1, Ordering::Relaxed)).into()
        }
        Value::Array(items) => items.iter().map(spoilt).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                // Words of the API, by which the page reads or chooses a value.
                ("scope" | "period", Value::String(_)) => (name.clone(), value.clone()),
                _ => (name.clone(), spoilt(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

fn sound(html: &str, address: &str) {
    for bad in ["<script", "<img", "<style", " style=\"", " onclick", "href=\"javascript"] {
        assert!(!html.contains(bad), "{address} has {bad}\n{html}");
    }
    assert_eq!(html.matches("<h1>").count(), 1, "{address}");
    assert!(html.len() < 150_000, "{address}: {} bytes", html.len());
    let ids: Vec<_> =
        html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{address}: {ids:?}");
    for form in html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
        let form = form.split("</form>").next().unwrap_or(form);
        assert!(form.contains("name=\"csrf\" value=\"the-token\""), "{address}: {form}");
    }
}
