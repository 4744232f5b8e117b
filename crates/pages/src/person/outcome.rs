//! The pages after a form's request.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    Answer, Refused, Visit,
    act::{Asked, Drafted, Then},
    reading, review, subjects,
};
use crate::{
    assets,
    format::Query,
    words::{Message as _, person::Person},
};

/// Returns the page after a form's request, or `None` if the person goes back to the page of the form.
#[must_use]
pub fn outcome(visit: &Visit<'_>, asked: &Asked, answer: &Answer) -> Option<String> {
    // The page has no address of its own: its links and forms lead to the page of the form.
    let visit = &visit.at(&asked.back);
    let lang = visit.frame.lang;
    let value = match answer {
        Answer::Refused(refused) => return Some(self::refused(visit, Some(&asked.back), refused)),
        Answer::Value(value) => value,
    };
    let (title, body) = match asked.then {
        Then::Back => return None,
        Then::Record => return Some(reading::page(visit, &asked.back, answer)),
        Then::Keys => {
            let lead = Person::KeysLead.text(lang);
            (Person::KeysTitle, html! { p class="lead" { (lead) } (table(value)) })
        }
        Then::Answer => (Person::AnswerTitle, table(value)),
        Then::Step => {
            let title = Person::Done.text(lang);
            let body = html! { (review::step(visit, answer)) (back(visit, &asked.back)) };
            return Some(visit.page_after(title, &[], &body));
        }
        Then::Subject => return Some(subjects::found(visit, asked, answer)),
        Then::Erasure => return Some(subjects::erased(visit, answer)),
    };
    Some(visit.page_after(title.text(lang), &[], &html! { (body) (back(visit, &asked.back)) }))
}

/// Returns the page of a refusal, with the way back.
#[must_use]
pub fn refused(visit: &Visit<'_>, to: Option<&str>, refused: &Refused) -> String {
    let title = Person::Refused.text(visit.frame.lang).trim_end_matches('.');
    let body = html! { (refused.notice(visit)) @if let Some(to) = to { (back(visit, to)) } };
    visit.page(title, &[], &body)
}

/// Returns the page that asks for a signature, if the API's answer is a statement to sign. `form` is the
/// form that was sent.
#[must_use]
pub fn to_sign(visit: &Visit<'_>, asked: &Asked, form: &Query, body: &[u8]) -> Option<String> {
    let lang = visit.frame.lang;
    let draft: Drafted = serde_json::from_slice(body).ok()?;
    let body = html! {
        p class="lead" { (Person::SignLead.text(lang)) }
        ul class="claims" lang="en" { @for line in &draft.statement.says { li { (line) } } }
        p { (Person::Digest.text(lang)) ": " code { (draft.statement.digest) } }
        div id="sign-trouble" role="alert" class="notice" hidden {}
        (asked.to_sign(visit, form, &draft))
        p class="note" { (Person::SignElsewhere.text(lang)) }
        (back(visit, &asked.back))
    };
    Some(visit.page(Person::SignTitle.text(lang), &[&assets::sign().address()], &body))
}

/// The way back to the page of the form.
pub(super) fn back(visit: &Visit<'_>, to: &str) -> Markup {
    html! { p { a href=(to) { (Person::BackToPage.text(visit.frame.lang)) } } }
}

/// Shows a value as a table of names and values; what is inside of it, as tables in cells.
pub(crate) fn table(value: &Value) -> Markup {
    match value {
        Value::Null => html! { "–" },
        Value::Bool(flag) => html! { (flag) },
        Value::Number(number) => html! { (number) },
        Value::String(text) => html! { (text) },
        Value::Array(items) => {
            html! { ul class="claims" { @for item in items { li { (table(item)) } } } }
        }
        Value::Object(fields) => html! {
            dl class="facts" {
                @for (name, value) in fields { div { dt { (name) } dd { (table(value)) } } }
            }
        },
    }
}
