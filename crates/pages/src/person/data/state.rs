//! The objects that callers asked the service to keep.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then},
        parts::{confirm, moment, pages, unfold},
    },
    List, address, page,
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    words::{Message as _, data::Data, person::Person},
};

/// Rows of the page.
const ROWS: usize = 50;

/// The classes of objects, by the API's names.
const CLASSES: [&str; 11] = [
    "response",
    "conversation",
    "item",
    "completion",
    "file",
    "upload",
    "part",
    "batch",
    "job",
    "adapter",
    "checkpoint",
];

pub(super) struct State {
    resource: String,
    class: Option<String>,
    after: Option<String>,
}

impl State {
    pub(super) fn of(resource: String, query: &Query) -> Self {
        let class = query.get("class").filter(|class| CLASSES.contains(class));
        Self {
            resource,
            class: class.map(str::to_owned),
            after: query.get("after").map(str::to_owned),
        }
    }

    /// Returns the parameter of the class.
    fn class(&self) -> String {
        self.class.as_ref().map(|class| format!("&class={class}")).unwrap_or_default()
    }
}

/// An object that is kept, without content.
#[derive(Deserialize)]
struct Kept {
    id: String,
    class: String,
    owner: String,
    shared: bool,
    created_at: u64,
    expires_at: Option<u64>,
    bytes: u64,
    parent: Option<String>,
    why: String,
    deletable: bool,
}

impl View for State {
    fn asks(&self) -> Vec<String> {
        let after = self.after.as_deref().map(|id| format!("&after={}", encoded(id)));
        let (class, after) = (self.class(), after.unwrap_or_default());
        vec![format!("/desk/v1/resources/{}/inventory?limit={ROWS}{class}{after}", self.resource)]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [inventory] = answers else { return String::new() };
        let here = address(&self.resource, "/state");
        let body = html! {
            p class="lead" { (Data::StateLead.text(lang)) }
            form class="filters" method="get" action=(here) {
                @if visit.frame.is_lang_named { input type="hidden" name="lang" value=(lang.tag()); }
                label {
                    (Data::Class.text(lang))
                    select name="class" {
                        option value="" { (Person::All.text(lang)) }
                        @for class in CLASSES {
                            option value=(class) selected[self.class.as_deref() == Some(class)] { (class) }
                        }
                    }
                }
                button { (Person::Show.text(lang)) }
            }
            (inventory.shown(visit, |kept: List<Kept>| {
                let to = |last: &Kept| format!("{here}?after={}{}", encoded(&last.id), self.class());
                let next = kept.data.last().filter(|_| kept.has_more).map(to);
                let first = self.after.as_ref().map(|_| here.clone());
                html! { (self.table(visit, &kept.data)) (pages(visit, first.as_deref(), next.as_deref())) }
            }))
        };
        page(visit, &self.resource, "/state", &body)
    }
}

impl State {
    fn table(&self, visit: &Visit<'_>, kept: &[Kept]) -> Markup {
        let lang = visit.frame.lang;
        let heads = [Data::Object, Data::Class, Data::Owner, Data::Since, Data::Until, Data::Why];
        html! {
            @if kept.is_empty() { p { (Data::NoObjects.text(lang)) } } @else {
                table class="wide" {
                    thead { tr {
                        @for head in heads { th scope="col" { (head.text(lang)) } }
                        th scope="col" class="number" { (Data::Size.text(lang)) }
                    } }
                    tbody { @for one in kept { (self.row(visit, one)) } }
                }
            }
        }
    }

    fn row(&self, visit: &Visit<'_>, one: &Kept) -> Markup {
        let lang = visit.frame.lang;
        let path = format!("/desk/v1/resources/{}/inventory/{}", self.resource, encoded(&one.id));
        let delete = Act {
            method: "DELETE",
            path: &path,
            then: Then::Back,
            button: Data::DeleteObject.text(lang),
        };
        html! {
            tr {
                th scope="row" {
                    code { (one.id) }
                    @if one.deletable {
                        (unfold(Data::DeleteObject.text(lang), &delete.form(visit, &confirm(lang))))
                    }
                }
                td class="word" {
                    (one.class)
                    @if let Some(parent) = &one.parent { ", " (Data::PartOf.text(lang)) " " code { (parent) } }
                }
                td { (one.owner) @if one.shared { ", " (Data::Shared.text(lang)) } }
                td { (moment(one.created_at.saturating_mul(1000))) }
                td {
                    @match one.expires_at {
                        Some(end) => { (moment(end.saturating_mul(1000))) }
                        None => { (Data::UntilDeleted.text(lang)) }
                    }
                }
                td lang="en" { (one.why) }
                td class="number" { (Data::Bytes.with(lang, &[("count", &grouped(one.bytes))])) }
            }
        }
    }
}
