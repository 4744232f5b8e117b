//! One flagged record: the course of its review, and the steps that its state allows.

use maud::{Markup, html};

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, lines, number, text},
        parts::{card, choice, count, due, fact, moment, person},
    },
    Queued, Waiting, category, queue,
};
use crate::words::{Lang, Message as _, person::Person, review::Review};

pub(super) struct Case {
    pub(super) request: String,
}

impl View for Case {
    fn asks(&self) -> Vec<String> {
        // The API has no route for one case.
        vec!["/review/v1/queue".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [queue] = answers else { return String::new() };
        let body = html! {
            p { code { (self.request) } }
            (queue.shown(visit, |queue: Vec<Queued>| {
                match queue.iter().find(|item| item.request == self.request) {
                    Some(item) => found(visit, item),
                    None => html! {
                        p class="notice" { (Review::Absent.text(lang)) }
                        (queue::flag(visit, Some(&self.request)))
                    },
                }
            }))
        };
        visit.page(Review::CaseTitle.text(lang), &[], &body)
    }
}

fn found(visit: &Visit<'_>, item: &Queued) -> Markup {
    let lang = visit.frame.lang;
    let [_, _, next] = item.waiting.words();
    html! {
        p class="verdict" { strong { (Review::Next.text(lang)) ": " } (next.text(lang)) }
        h2 { (Review::Course.text(lang)) }
        (course(item.waiting, lang))
        h2 { (Review::Facts.text(lang)) }
        (facts(visit, item))
        h2 { (Review::YourStep.text(lang)) }
        div class="cards" { (steps(visit, item)) }
    }
}

/// Shows the steps of a review, and how far this one is.
fn course(waiting: Waiting, lang: Lang) -> Markup {
    let steps = [
        Review::StepFlagged,
        Review::StepRequested,
        Review::StepApproved,
        Review::StepConsented,
        Review::StepOpened,
        Review::StepDecided,
    ];
    let done = match waiting {
        Waiting::Reviewer => 1,
        Waiting::Manager => 2,
        Waiting::Customer => 3,
        Waiting::Look => 4,
        Waiting::Judgement => 5,
    };
    html! {
        ol class="course" {
            @for (place, step) in steps.into_iter().enumerate() {
                @let class = match place.cmp(&done) {
                    std::cmp::Ordering::Less => "state kept",
                    std::cmp::Ordering::Equal => "state stale",
                    std::cmp::Ordering::Greater => "state",
                };
                li aria-current=[(place == done).then_some("step")] {
                    span class=(class) { (step.text(lang)) }
                }
            }
        }
    }
}

fn facts(visit: &Visit<'_>, item: &Queued) -> Markup {
    let lang = visit.frame.lang;
    let source = match item.source.as_str() {
        "monitoring" => Review::SourceMonitoring.text(lang),
        "reviewer" => Review::SourceReviewer.text(lang),
        "administrator" => Review::SourceAdministrator.text(lang),
        other => other,
    };
    let since = visit.now_ms.saturating_sub(item.age_ms);
    let row = |name: Review, value: Markup| fact(name.text(lang), &value);
    html! {
        dl class="facts" {
            (row(Review::Category, html! {
                (category(&item.category, lang))
                @if item.escalated { " (" (Review::Escalated.text(lang)) ")" }
            }))
            (row(Review::Source, html! { (source) }))
            (row(Review::Since, html! { (moment(since)) }))
            (row(Review::Region, html! { (item.region) }))
            @if let Some(asked) = &item.asked {
                (row(Review::AskedBy, person(asked.reviewer_name.as_deref(), &asked.reviewer)))
                (row(Review::Workstation, person(asked.workstation_name.as_deref(), &asked.workstation)))
                (fact(Person::Reason.text(lang), &html! { (asked.reason) }))
            } @else if item.grant.is_some() {
                (row(Review::Request, html! { (Review::RequestOther.text(lang)) }))
            }
            @if let Some(grant) = &item.grant { (row(Review::Grant, html! { code { (grant) } })) }
            @if let Some(expires_ms) = item.expires_ms {
                (row(Review::Expires, due(visit, expires_ms)))
            }
        }
    }
}

/// Makes the forms of the steps that the state allows. The API decides which person may take them.
fn steps(visit: &Visit<'_>, item: &Queued) -> Markup {
    let lang = visit.frame.lang;
    let reason = lines(Person::Reason.text(lang), &text("reason"));
    let grant = item.grant.as_deref().unwrap_or_default();
    let grant = html! { input type="hidden" name=(text("grant")) value=(grant); };
    let form = |step: &str, then, [button, about]: [Review; 2], fields: Markup| {
        let path = format!("/review/v1/records/{}/{step}", item.request);
        let act = Act { method: "POST", path: &path, then, button: button.text(lang) };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    };
    let with_reason = || html! { (grant) (reason) };
    let withdraw = || {
        let words = [Review::Withdraw, Review::WithdrawAbout];
        form("refusal", Then::Back, words, with_reason())
    };
    match item.waiting {
        Waiting::Reviewer => {
            form("look", Then::Back, [Review::Ask, Review::AskAbout], reason.clone())
        }
        Waiting::Manager => html! {
            (form("approval", Then::Step, [Review::Approve, Review::ApproveAbout], html! {
                (grant) (count(Review::Minutes.text(lang), &number("minutes"), 15, 60))
            }))
            (form("refusal", Then::Back, [Review::Refuse, Review::RefuseAbout], with_reason()))
        },
        Waiting::Customer => withdraw(),
        Waiting::Look => html! {
            (form("open", Then::Record, [Review::Open, Review::OpenAbout], grant.clone()))
            (withdraw())
        },
        Waiting::Judgement => {
            let mut outcomes = vec![
                ("dismissed", Review::Dismissed.text(lang)),
                ("confirmed", Review::Confirmed.text(lang)),
            ];
            // A record is escalated once.
            if !item.escalated {
                outcomes.push(("escalated", Review::Escalate.text(lang)));
            }
            let outcome = choice(Review::Outcome.text(lang), &text("outcome"), &outcomes);
            form(
                "judgement",
                Then::Step,
                [Review::Decide, Review::DecideAbout],
                html! {
                    (outcome) (with_reason())
                },
            )
        }
    }
}
