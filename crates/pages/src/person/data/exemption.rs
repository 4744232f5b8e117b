//! The exemptions of a resource: zero retention, and weaker content filters. Their state, the
//! application, and the end.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, flag, lines, list, number, text},
        parts::{card, count, due, fact, moment, tick},
    },
    page,
};
use crate::words::{Lang, Message as _, exemption::Exempt, person::Person};

/// The rule that an exemption is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ZeroRetention,
    ContentFilter,
}

pub(super) struct Exemption {
    resource: String,
    kind: Kind,
}

/// The state, as the API answers it.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    content_logging: Option<String>,
    in_force: Option<InForce>,
    pending: Option<Pending>,
    ended: Option<Ended>,
    #[serde(default)]
    prefix_cache: Option<bool>,
}

#[derive(Deserialize)]
struct InForce {
    approval: String,
    since_ms: u64,
    until_ms: u64,
    review_after_abuse: bool,
    #[serde(default)]
    keeps: Vec<String>,
}

#[derive(Deserialize)]
struct Pending {
    approval: String,
    applied_ms: u64,
    until_ms: u64,
    lapses_ms: u64,
    approvals: u64,
    needed: u64,
}

#[derive(Deserialize)]
struct Ended {
    approval: String,
    at_ms: u64,
    how: String,
}

/// The objects that an application may name, by the API's words.
const KEEP: [(&str, Exempt); 6] = [
    ("responses", Exempt::Responses),
    ("conversations", Exempt::Conversations),
    ("completions", Exempt::Completions),
    ("files", Exempt::Files),
    ("batches", Exempt::Batches),
    ("fine-tuning", Exempt::FineTuning),
];

impl Exemption {
    pub(super) fn zero_retention(resource: String) -> Self {
        Self { resource, kind: Kind::ZeroRetention }
    }

    pub(super) fn content_filter(resource: String) -> Self {
        Self { resource, kind: Kind::ContentFilter }
    }

    /// Returns the route of the API.
    fn route(&self) -> String {
        let kind = match self.kind {
            Kind::ZeroRetention => "zeroRetention",
            Kind::ContentFilter => "contentFilterExemption",
        };
        format!("/desk/v1/resources/{}/{kind}", self.resource)
    }

    /// Returns one of two messages, by the kind.
    fn pick(&self, zero: Exempt, filter: Exempt) -> Exempt {
        if self.kind == Kind::ZeroRetention { zero } else { filter }
    }
}

impl View for Exemption {
    fn asks(&self) -> Vec<String> {
        vec![self.route()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [status] = answers else { return String::new() };
        let part = match self.kind {
            Kind::ZeroRetention => "/zero-retention",
            Kind::ContentFilter => "/content-filter",
        };
        let body = html! {
            p class="lead" { (self.pick(Exempt::ZeroLead, Exempt::FilterLead).text(lang)) }
            (status.shown(visit, |status: Status| html! {
                (self.state(visit, &status))
                @if status.pending.is_none() { (self.apply(visit)) }
            }))
        };
        page(visit, &self.resource, part, &body)
    }
}

impl Exemption {
    fn state(&self, visit: &Visit<'_>, status: &Status) -> Markup {
        let lang = visit.frame.lang;
        let is_active = match self.kind {
            Kind::ZeroRetention => status.content_logging.as_deref() == Some("false"),
            Kind::ContentFilter => status.in_force.is_some(),
        };
        let sentence = match is_active {
            true => self.pick(Exempt::NotStored, Exempt::Exempted),
            false => self.pick(Exempt::Stored, Exempt::NoExemption),
        };
        html! {
            p class="verdict" { (sentence.text(lang)) }
            @if status.prefix_cache == Some(true) { p class="note" { (Exempt::PrefixOn.text(lang)) } }
            @if let Some(active) = &status.in_force {
                h3 { (Exempt::Active.text(lang)) }
                (self.active(visit, active))
            }
            @if let Some(pending) = &status.pending {
                h3 { (Exempt::Pending.text(lang)) }
                (self.pending(visit, pending))
            }
            @if let Some(ended) = &status.ended {
                h3 { (Exempt::Ended.text(lang)) }
                dl class="facts" {
                    (fact(Exempt::State.text(lang), &html! { (how(&ended.how, lang)) ", " (moment(ended.at_ms)) }))
                    (fact(Exempt::Approval.text(lang), &html! { code { (ended.approval) } }))
                }
            }
        }
    }

    fn active(&self, visit: &Visit<'_>, active: &InForce) -> Markup {
        let lang = visit.frame.lang;
        let row = |name: Exempt, value: Markup| fact(name.text(lang), &value);
        let review = if active.review_after_abuse { Exempt::ReviewYes } else { Exempt::ReviewNo };
        html! {
            dl class="facts" {
                (row(Exempt::Since, moment(active.since_ms)))
                (row(Exempt::Until, due(visit, active.until_ms)))
                @if self.kind == Kind::ZeroRetention {
                    (row(Exempt::Review, html! { (review.text(lang)) }))
                    (row(Exempt::Keeps, html! {
                        @if active.keeps.is_empty() { (Exempt::KeepsNone.text(lang)) }
                        @else { (active.keeps.join(", ")) }
                    }))
                }
                (row(Exempt::Approval, html! { code { (active.approval) } }))
            }
            @if self.kind == Kind::ZeroRetention { p class="note" { (Exempt::Renew.text(lang)) } }
            (self.withdraw(visit, &active.approval, [
                self.pick(Exempt::End, Exempt::EndFilter),
                self.pick(Exempt::EndAbout, Exempt::EndFilterAbout),
            ]))
        }
    }

    fn pending(&self, visit: &Visit<'_>, pending: &Pending) -> Markup {
        let lang = visit.frame.lang;
        let row = |name: Exempt, value: Markup| fact(name.text(lang), &value);
        let votes =
            [("count", pending.approvals.to_string()), ("needed", pending.needed.to_string())];
        let votes = votes.each_ref().map(|(name, value)| (*name, value.as_str()));
        html! {
            dl class="facts" {
                (row(Exempt::Votes, html! { (Exempt::VotesOf.with(lang, &votes)) }))
                (row(Exempt::Applied, moment(pending.applied_ms)))
                (row(Exempt::AskedUntil, moment(pending.until_ms)))
                (row(Exempt::Lapses, due(visit, pending.lapses_ms)))
                (row(Exempt::Approval, html! { code { (pending.approval) } }))
            }
            (self.withdraw(visit, &pending.approval, [Exempt::Withdraw, Exempt::WithdrawAbout]))
        }
    }

    fn withdraw(&self, visit: &Visit<'_>, approval: &str, [button, about]: [Exempt; 2]) -> Markup {
        let lang = visit.frame.lang;
        let path = format!("{}/withdrawal", self.route());
        let act = Act { method: "POST", path: &path, then: Then::Back, button: button.text(lang) };
        let fields = html! {
            input type="hidden" name=(text("approval")) value=(approval);
            (lines(Person::Reason.text(lang), &text("reason")))
        };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    }

    fn apply(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        let path = self.route();
        let act =
            Act { method: "POST", path: &path, then: Then::Back, button: Exempt::Apply.text(lang) };
        let use_case = self.pick(Exempt::UseCase, Exempt::UseCaseFilter);
        let fields = html! {
            (lines(use_case.text(lang), &text("useCase")))
            (lines(Exempt::Measures.text(lang), &text("measures")))
            (count(Exempt::Days.text(lang), &number("days"), 365, 365))
            @if self.kind == Kind::ZeroRetention {
                (tick(Exempt::AcceptReview.text(lang), &flag("reviewAfterAbuse"), "true"))
                fieldset {
                    legend { (Exempt::Keep.text(lang)) }
                    p class="help" { (Exempt::KeepAbout.text(lang)) }
                    @for (word, words) in KEEP { (tick(words.text(lang), &list("keep"), word)) }
                }
            }
        };
        let form = act.form(visit, &fields);
        card(Exempt::Apply.text(lang), Exempt::ApplyAbout.text(lang), &form)
    }
}

fn how(how: &str, lang: Lang) -> &str {
    let words = match how {
        "refused" => Exempt::Refused,
        "expired" => Exempt::Expired,
        "renewed" => Exempt::Renewed,
        "withdrawn_by_customer" => Exempt::ByCustomer,
        "withdrawn_by_operator" => Exempt::ByOperator,
        _ => return how,
    };
    words.text(lang)
}
