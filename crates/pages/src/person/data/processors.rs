//! The companies that operate engines, and whether the customer allows each.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then},
        parts::{card, fact},
    },
    page,
};
use crate::{
    format::encoded,
    time::minute,
    words::{Message as _, data::Data},
};

pub(super) struct Processors {
    pub(super) resource: String,
}

#[derive(Deserialize)]
struct Item {
    processor: String,
    allowed: bool,
    since_ms: Option<u64>,
    person: Option<String>,
    country: String,
    contract: String,
    regions: Vec<String>,
    deployments: Vec<String>,
}

impl View for Processors {
    fn asks(&self) -> Vec<String> {
        vec![format!("/desk/v1/resources/{}/processors", self.resource)]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [processors] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Data::ProcessorsLead.text(lang)) }
            (processors.shown(visit, |items: Vec<Item>| html! {
                @if items.is_empty() { p { (Data::NoProcessors.text(lang)) } }
                @for item in &items { (self.one(visit, item)) }
            }))
        };
        page(visit, &self.resource, "/processors", &body)
    }
}

impl Processors {
    fn one(&self, visit: &Visit<'_>, item: &Item) -> Markup {
        let lang = visit.frame.lang;
        let path =
            format!("/desk/v1/resources/{}/processors/{}", self.resource, encoded(&item.processor));
        let (method, [button, about]) = match item.allowed {
            true => ("DELETE", [Data::WithdrawAllowed, Data::WithdrawAbout]),
            false => ("PUT", [Data::Allow, Data::AllowAbout]),
        };
        let act = Act { method, path: &path, then: Then::Back, button: button.text(lang) };
        let since = item.since_ms.map_or_else(|| "?".to_owned(), minute);
        let row = |name: Data, value: Markup| fact(name.text(lang), &value);
        html! {
            section class="card" {
                h3 {
                    (item.processor) " "
                    @if item.allowed {
                        span class="state kept" { (Data::Allowed.with(lang, &[("time", &since)])) }
                    } @else { span class="state" { (Data::NotAllowed.text(lang)) } }
                }
                dl class="facts" {
                    (row(Data::Company, html! { (item.country) }))
                    (row(Data::Contract, html! { (item.contract) }))
                    (row(Data::Regions, html! {
                        @if item.regions.is_empty() { (Data::NoRegions.text(lang)) }
                        @else { (item.regions.join(", ")) }
                    }))
                    (row(Data::Deployments, html! {
                        @if item.deployments.is_empty() { "–" } @else { (item.deployments.join(", ")) }
                    }))
                    @if let Some(person) = &item.person {
                        (row(Data::AllowedBy, html! { code { (person) } }))
                    }
                }
                // Nothing to allow any more: the company operates no engine here.
                @if item.allowed || !item.regions.is_empty() {
                    (card(button.text(lang), about.text(lang), &act.form(visit, &html! {})))
                }
            }
        }
    }
}
