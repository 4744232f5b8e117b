//! Parts that several pages show: times, people, and fields of forms.

use maud::{Markup, html};

use super::Visit;
use crate::{
    time::{minute, rfc3339},
    words::{Lang, Message as _, person::Person},
};

/// Returns a length of time in its two largest units: `3 d 4 h`.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {:02} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

/// Returns a time as its distance from now: `in 3 d 4 h`.
pub(super) fn from_now(lang: Lang, at_ms: u64, now_ms: u64) -> String {
    let (message, ms) = match at_ms.checked_sub(now_ms) {
        Some(ms) => (Person::InTime, ms),
        None => (Person::Ago, now_ms.saturating_sub(at_ms)),
    };
    message.with(lang, &[("span", &span(ms))])
}

/// Shows a time.
pub(super) fn moment(ms: u64) -> Markup {
    html! { time class="time" datetime=(rfc3339(ms)) { (minute(ms)) } }
}

/// Shows a time and its distance from now.
pub(super) fn due(visit: &Visit<'_>, ms: u64) -> Markup {
    html! { (moment(ms)) " (" (from_now(visit.frame.lang, ms, visit.now_ms)) ")" }
}

/// Shows a time of the API: RFC 3339 in UTC.
pub(super) fn stamp(text: &str) -> Markup {
    html! { time class="time" { (text.replace('T', " ").replace('Z', " UTC")) } }
}

/// Shows a person: the name if it is known, and the id.
pub(super) fn person(name: Option<&str>, id: &str) -> Markup {
    html! { @if let Some(name) = name { strong { (name) } " " } code { (id) } }
}

/// A text of the API or of ours, in which backticks enclose code.
pub(in crate::person) fn spans(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Makes a row of a list of facts.
pub(super) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// Makes a labelled choice. The first option stands.
pub(super) fn choice(label: &str, name: &str, options: &[(&str, &str)]) -> Markup {
    html! {
        div class="field" {
            label {
                (label)
                select name=(name) {
                    @for (value, text) in options { option value=(value) { (text) } }
                }
            }
        }
    }
}

/// Makes a labelled number from 1 to `most`.
pub(super) fn count(label: &str, name: &str, value: u32, most: u32) -> Markup {
    html! {
        div class="field" {
            label { (label) input type="number" name=(name) value=(value) min="1" max=(most) required; }
        }
    }
}

/// Makes a labelled box to tick. Without a tick, the field is left out.
pub(super) fn tick(label: &str, name: &str, value: &str) -> Markup {
    html! {
        div class="field tick" { label { input type="checkbox" name=(name) value=(value); " " (label) } }
    }
}

/// Makes a box that must be ticked before something is destroyed.
pub(super) fn confirm(lang: Lang) -> Markup {
    html! {
        div class="field tick" {
            label { input type="checkbox" name="confirmed" required; " " (Person::Confirm.text(lang)) }
        }
    }
}

/// Makes a part that unfolds.
pub(super) fn unfold(summary: &str, inside: &Markup) -> Markup {
    html! { details class="unfold" { summary { (summary) } div { (inside) } } }
}

/// Makes a card with a heading, for a form and the sentence about it.
pub(super) fn card(title: &str, about: &str, form: &Markup) -> Markup {
    html! { section class="card" { h3 { (title) } p { (about) } (form) } }
}

/// Links the first and the next page of a list. `next` is the address of the next one.
pub(super) fn pages(visit: &Visit<'_>, first: Option<&str>, next: Option<&str>) -> Markup {
    let lang = visit.frame.lang;
    html! {
        @if first.is_some() || next.is_some() {
            p class="pages" {
                @if let Some(first) = first {
                    a href=(visit.frame.link(first)) { (Person::First.text(lang)) }
                }
                @if let Some(next) = next {
                    a href=(visit.frame.link(next)) { (Person::More.text(lang)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (ms, text) in [
            (0, "0 s"),
            (59_999, "59 s"),
            (3_599_000, "59 min"),
            (3_660_000, "1 h 01 min"),
            (86_400_000, "1 d 0 h"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(ms), text);
        }
        assert_eq!(from_now(Lang::En, 60_000, 0), "in 1 min");
        assert_eq!(from_now(Lang::De, 0, 60_000), "vor 1 min");
    }
}
