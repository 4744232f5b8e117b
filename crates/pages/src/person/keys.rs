//! Roots and keys of people, as the log has them.

#[cfg(test)]
mod tests;

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Answer, Desk, Route, View, Visit,
    act::{Act, Then, list, number, text},
    parts::{choice, count, fact, spans, stamp},
};
use crate::{
    assets,
    time::rfc3339,
    words::{Lang, Message as _, keys::Keys as Words},
};

/// Its page.
pub(super) const ROUTES: &[Route] =
    &[Route { desks: &[Desk::Owner], address: "/keys", view: |_, _| Box::new(Keys) }];

/// Rows of keys; the API answers all of them.
const KEYS_MAX: usize = 300;

struct Keys;

#[derive(Deserialize)]
struct Roll {
    roots: Vec<Root>,
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Root {
    /// Null for the operator.
    tenant: Option<String>,
    /// Whether it is the root of the visitor's own party.
    #[serde(default)]
    is_own: bool,
    fingerprint: Option<String>,
    keys: Vec<String>,
    threshold: u64,
    recovery: Option<Recovery>,
}

#[derive(Deserialize)]
struct Recovery {
    fingerprint: String,
    effective: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    tenant: Option<String>,
    person: String,
    capacities: Vec<String>,
    until: String,
    revoked: bool,
}

impl View for Keys {
    fn asks(&self) -> Vec<String> {
        vec!["/desk/v1/roll".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [roll] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Words::Lead.text(lang)) }
            p { (Words::SignedFor.text(lang)) }
            (roll.shown(visit, |roll: Roll| html! {
                h2 { (Words::Roots.text(lang)) }
                p { (Words::RootsLead.text(lang)) }
                @for root in &roll.roots { (one(root, lang)) }
                h2 { (Words::People.text(lang)) }
                (keys(&roll.keys, &rfc3339(visit.now_ms), lang))
            }))
            (roll.shown(visit, |roll: Roll| passkeys(visit, &roll)))
            p class="note" { (spans(Words::Elsewhere.text(lang))) }
        };
        visit.page(Words::Title.text(lang), &[&assets::enroll().address()], &body)
    }
}

/// Makes the forms of a passkey: as the root of the visitor's party, or as a person's own key. The script
/// makes the passkey, and puts its public key into the form.
fn passkeys(visit: &Visit<'_>, roll: &Roll) -> Markup {
    let lang = visit.frame.lang;
    // The operator's people see the operator's root alone.
    let Some(root) = roll.roots.iter().rev().find(|root| root.is_own) else { return html! {} };
    let act = |button| Act { method: "POST", path: "/desk/v1/roll", then: Then::Back, button };
    let party = html! {
        @if let Some(tenant) = &root.tenant { input type="hidden" name=(text("tenant")) value=(tenant); }
    };
    let of = |kind: &str, key: &str| {
        html! {
            input type="hidden" name=(text("kind")) value=(kind);
            input type="hidden" name=(key) value="" data-passkey=(visit.name.unwrap_or("bailiwick"));
            (party)
            p class="notice" role="alert" hidden {}
        }
    };
    let capacities = [
        ("officer", Words::Officer.text(lang)),
        ("decider", Words::Decider.text(lang)),
        ("reviewer", Words::Reviewer.text(lang)),
        ("manager", Words::Manager.text(lang)),
        ("enroller", Words::Enroller.text(lang)),
    ];
    html! {
        h2 { (Words::Passkeys.text(lang)) }
        p { (Words::PasskeysLead.text(lang)) }
        @if root.fingerprint.is_none() {
            section class="card" {
                h3 { (Words::MakeRoot.text(lang)) }
                p { (spans(Words::MakeRootAbout.text(lang))) }
                (act(Words::MakeRoot.text(lang)).form(visit, &of("rootMade", &list("keys"))))
            }
        } @else {
            section class="card" {
                h3 { (Words::Enroll.text(lang)) }
                p { (Words::EnrollAbout.text(lang)) }
                (act(Words::Enroll.text(lang)).form(visit, &html! {
                    (of("keyEnrolled", &text("key")))
                    (choice(Words::For.text(lang), &list("capacities"), &capacities))
                    (count(Words::Days.text(lang), &number("days"), 365, 730))
                }))
            }
        }
    }
}

fn party(tenant: Option<&str>, lang: Lang) -> &str {
    tenant.unwrap_or_else(|| Words::Operator.text(lang))
}

fn one(root: &Root, lang: Lang) -> Markup {
    let all = root.keys.len().to_string();
    let threshold = [("count", root.threshold.to_string()), ("all", all)];
    let threshold = threshold.each_ref().map(|(name, value)| (*name, value.as_str()));
    html! {
        section class="card" {
            h3 { (party(root.tenant.as_deref(), lang)) }
            @match &root.fingerprint {
                Some(fingerprint) => {
                    dl class="facts" {
                        (fact(Words::Fingerprint.text(lang), &html! { code { (fingerprint) } }))
                        (fact(Words::Threshold.text(lang), &html! { (Words::ThresholdOf.with(lang, &threshold)) }))
                    }
                }
                None => { p class="notice" { (Words::NoRoot.text(lang)) } }
            }
            @if let Some(recovery) = &root.recovery {
                p class="notice" {
                    (Words::Recovery.with(lang, &[("time", &recovery.effective)])) " "
                    code { (recovery.fingerprint) }
                }
            }
        }
    }
}

/// Shows the keys. Times of the API can be compared as texts: all are in UTC, to the second.
fn keys(keys: &[Key], now: &str, lang: Lang) -> Markup {
    html! {
        @if keys.is_empty() { p { (Words::NoneEnrolled.text(lang)) } } @else {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Words::Person.text(lang)) }
                    th scope="col" { (Words::Party.text(lang)) }
                    th scope="col" { (Words::For.text(lang)) }
                    th scope="col" { (Words::Until.text(lang)) }
                    th scope="col" { (Words::Key.text(lang)) }
                } }
                tbody {
                    @for key in keys.iter().take(KEYS_MAX) {
                        tr {
                            th scope="row" { code { (key.person) } }
                            td class="word" { (party(key.tenant.as_deref(), lang)) }
                            td {
                                @for capacity in &key.capacities { div { (capacity_name(capacity, lang)) } }
                            }
                            td {
                                (stamp(&key.until))
                                @if key.revoked { " " span class="state broken" { (Words::Revoked.text(lang)) } }
                                @else if key.until.as_str() <= now { " " span class="state stale" { (Words::Over.text(lang)) } }
                            }
                            td { code { (key.key) } }
                        }
                    }
                }
            }
        }
    }
}

fn capacity_name(capacity: &str, lang: Lang) -> &str {
    let words = match capacity {
        "reviewer" => Words::Reviewer,
        "manager" => Words::Manager,
        "decider" => Words::Decider,
        "officer" => Words::Officer,
        "enroller" => Words::Enroller,
        _ => return capacity,
    };
    words.text(lang)
}
