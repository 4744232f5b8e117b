//! The pieces that the pages about resources share: states, times, fields, and lists in parts.

use maud::{Markup, html};

pub(in crate::person) use crate::person::parts::spans;
use crate::{
    format::{Query, encoded},
    layout::Frame,
    person::{
        Visit,
        act::{Act, Then},
    },
    time,
    words::{Lang, Message as _, console::Console},
};

/// Rows of a list without forms on one page.
pub(in crate::person) const ROWS: usize = 100;
/// Rows of a list with forms on one page.
pub(in crate::person) const ROWS_WITH_FORMS: usize = 15;
/// Names that a form offers.
pub(in crate::person) const OFFERED: usize = 20;

/// A part of a page, under a heading.
pub(in crate::person) fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (title) } (body) } }
}

/// A row of a list of facts.
pub(in crate::person) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A time of the API, to the minute.
pub(in crate::person) fn moment(rfc3339: &str) -> Markup {
    let readable = rfc3339.get(..16).filter(|_| rfc3339.ends_with('Z'));
    let shown = readable
        .map_or_else(|| rfc3339.to_owned(), |text| format!("{} UTC", text.replacen('T', " ", 1)));
    html! { time class="time" datetime=(rfc3339) { (shown) } }
}

/// Returns the number of days since a time of the API.
pub(in crate::person) fn days_since(rfc3339: &str, now_ms: u64) -> Option<u64> {
    let day = rfc3339.get(..10).and_then(time::start_of)?;
    Some(now_ms.saturating_sub(day) / time::DAY_MS)
}

/// The state of a worker or an engine, as a label.
pub(in crate::person) fn state(word: &str, lang: Lang) -> Markup {
    let (class, text) = match word {
        "ready" => ("kept", Console::Ready),
        "serving" => ("kept", Console::Serving),
        "loading" => ("stale", Console::Loading),
        "restarting" => ("stale", Console::Restarting),
        "resting" => ("stale", Console::Resting),
        "trying" => ("stale", Console::Trying),
        "full" => ("stale", Console::Full),
        "draining" => ("stale", Console::Draining),
        "failed" => ("broken", Console::Failed),
        "ejected" => ("broken", Console::Ejected),
        "unlisted" => ("broken", Console::Unlisted),
        "stopped" => ("broken", Console::Stopped),
        _ => return html! { span class="state" { (word) } },
    };
    html! { span class={ "state " (class) } { (text.text(lang)) } }
}

/// Yes or no.
pub(in crate::person) fn yes(value: bool, lang: Lang) -> &'static str {
    if value { Console::Yes.text(lang) } else { Console::No.text(lang) }
}

/// A choice of one of several values. Each option is its value and its text.
pub(in crate::person) fn select(
    label: &str,
    name: &str,
    options: &[(&str, &str)],
    selected: &str,
) -> Markup {
    html! {
        div class="field" {
            label {
                (label)
                select name=(name) {
                    @for (value, text) in options {
                        option value=(value) selected[*value == selected] { (text) }
                    }
                }
            }
        }
    }
}

/// A whole number from 1 on. An empty field is left out of the request.
pub(in crate::person) fn whole(label: &str, name: &str, value: Option<u64>, most: u64) -> Markup {
    html! {
        div class="field" {
            label { (label) input type="number" name=(name) value=[value] min="1" max=(most) step="1"; }
        }
    }
}

/// A name for a new thing, by the API's rule for names.
pub(in crate::person) fn new_name(label: &str, name: &str, rule: NameRule) -> Markup {
    let (pattern, most) = match rule {
        NameRule::Label => ("[a-z0-9]([a-z0-9\\-]*[a-z0-9])?", "63"),
        NameRule::Word => ("[A-Za-z0-9][A-Za-z0-9_.\\-]*", "64"),
    };
    html! {
        div class="field" {
            label {
                (label)
                input type="text" name=(name) required pattern=(pattern) maxlength=(most) spellcheck="false";
            }
        }
    }
}

/// The API's rules for names.
#[derive(Clone, Copy)]
pub(in crate::person) enum NameRule {
    /// A label of a host name: resources.
    Label,
    /// Letters, digits, `-`, `_` and `.`: everything else.
    Word,
}

/// A line of text, with values to choose from.
pub(in crate::person) fn suggested<'a>(
    (label, name): (&str, &str),
    list: &str,
    values: impl Iterator<Item = &'a str>,
) -> Markup {
    html! {
        div class="field" {
            label { (label) input type="text" name=(name) list=(list) required maxlength="200" spellcheck="false"; }
            datalist id=(list) { @for value in values.take(ROWS) { option value=(value) {} } }
        }
    }
}

/// The form that deletes a thing: its name must be typed again. `back` is the page that follows.
pub(in crate::person) fn delete(
    visit: &Visit<'_>,
    path: &str,
    name: &str,
    (effect, back): (&str, &str),
) -> Markup {
    let lang = visit.frame.lang;
    let then = Visit { frame: Frame { here: back, ..visit.frame.clone() }, ..visit.clone() };
    let button = Console::Delete.with(lang, &[("name", name)]);
    let act = Act { method: "DELETE", path, then: Then::Back, button: &button };
    let confirm = html! {
        p { (effect) }
        div class="field" {
            label {
                (Console::TypeName.with(lang, &[("name", name)]))
                input type="text" name="confirm" required pattern=(exactly(name)) spellcheck="false";
            }
        }
    };
    html! {
        details class="more" { summary { (button) } (act.form(&then, &confirm)) }
    }
}

/// Returns the pattern that only this text fits.
fn exactly(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if "^$\\.*+?()[]{}|/".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Returns the place in a list at which a page of it begins: the parameter `from`.
pub(in crate::person) fn place(query: &Query) -> usize {
    query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0)
}

/// Returns the part of a list that a page shows.
pub(in crate::person) fn part<T>(items: &[T], from: usize, rows: usize) -> &[T] {
    let rest = items.get(from..).unwrap_or_default();
    rest.get(..rows).unwrap_or(rest)
}

/// The links to the parts of a list before and after this one.
pub(in crate::person) fn pages(
    visit: &Visit<'_>,
    total: usize,
    from: usize,
    rows: usize,
) -> Markup {
    let lang = visit.frame.lang;
    let link = |from: usize| visit.frame.link(&with_place(visit.frame.here, from));
    let next = from.saturating_add(rows);
    let last = next.min(total);
    if from == 0 && total <= rows {
        return html! {};
    }
    let (first, last, all) =
        (from.saturating_add(1).to_string(), last.to_string(), total.to_string());
    html! {
        p class="help" { (Console::Part.with(lang, &[("first", &first), ("last", &last), ("all", &all)])) }
        p class="pages" {
            @if from > 0 { a href=(link(from.saturating_sub(rows))) { (Console::Previous.text(lang)) } }
            @if next < total { a href=(link(next)) { (Console::Next.text(lang)) } }
        }
    }
}

/// Returns an address with another `from`.
fn with_place(here: &str, from: usize) -> String {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let query = Query::parse(query);
    let mut pairs: Vec<String> = query
        .pairs()
        .filter(|(name, _)| *name != "from")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    if from > 0 {
        pairs.push(format!("from={from}"));
    }
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Keeps the language of the page in a form of filters.
pub(in crate::person) fn keep_language(visit: &Visit<'_>) -> Markup {
    html! {
        @if visit.frame.is_lang_named {
            input type="hidden" name="lang" value=(visit.frame.lang.tag());
        }
    }
}

/// Returns the address of a page about a thing.
pub(in crate::person) fn page_of(visit: &Visit<'_>, folder: &str, name: &str) -> String {
    visit.frame.link(&format!("/pages/{folder}/{}", encoded(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_typed_again_exactly() {
        assert_eq!(exactly("acme-prod.1"), "acme-prod\\.1");
        assert_eq!(exactly("a|.*"), "a\\|\\.\\*");
    }

    #[test]
    fn a_list_is_shown_in_parts() {
        let items = [1, 2, 3, 4, 5];
        assert_eq!(part(&items, 0, 2), [1, 2]);
        assert_eq!(part(&items, 4, 2), [5]);
        assert!(part(&items, 9, 2).is_empty());
        assert_eq!(with_place("/pages/x", 20), "/pages/x?from=20");
        assert_eq!(with_place("/pages/x?from=20&a=b%26", 0), "/pages/x?a=b%26");
        assert_eq!(place(&Query::parse("from=7")), 7);
        assert_eq!(place(&Query::parse("from=-1")), 0);
    }

    #[test]
    fn times_are_shown_to_the_minute() {
        let shown = moment("2026-11-30T08:56:28Z").into_string();
        assert!(shown.contains(">2026-11-30 08:56 UTC<"), "{shown}");
        assert!(moment("<b>").into_string().contains("&lt;b&gt;"));
        assert_eq!(days_since("2026-11-20T08:56:28Z", 1_796_025_600_000), Some(10));
        assert_eq!(days_since("yesterday", 0), None);
    }
}
