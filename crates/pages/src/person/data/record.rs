//! One record: reading it, deleting it, and the accesses to it.

use maud::{Markup, html};

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then},
        parts::{card, confirm},
    },
    List, address,
    looks::{Look, OwnAct, acts, opened},
};
use crate::words::{Message as _, data::Data};

pub(super) struct Record {
    pub(super) resource: String,
    pub(super) request: String,
}

impl View for Record {
    fn asks(&self) -> Vec<String> {
        let desk = format!("/desk/v1/resources/{}", self.resource);
        vec![format!("{desk}/looks"), format!("{desk}/acts?limit=1000")]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [looks, own] = answers else { return String::new() };
        let body = html! {
            p { code { (self.request) } }
            p {
                a href=(visit.frame.link(&address(&self.resource, "/records"))) {
                    (Data::Title.with(lang, &[("name", &self.resource)])) ", " (Data::NavRecords.text(lang))
                }
            }
            h2 { (Data::Steps.text(lang)) }
            div class="cards" { (self.forms(visit)) }
            h2 { (Data::Opened.text(lang)) }
            (looks.shown(visit, |looks: Vec<Look>| {
                opened(&looks, |look| look.request == self.request, lang)
            }))
            h2 { (Data::Acts.text(lang)) }
            (own.shown(visit, |own: List<OwnAct>| {
                acts(&own.data, |act| act.request == self.request, lang)
            }))
        };
        visit.page(Data::RecordTitle.text(lang), &[], &body)
    }
}

impl Record {
    fn forms(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        let path = format!("/desk/v1/resources/{}/records/{}", self.resource, self.request);
        let read =
            Act { method: "GET", path: &path, then: Then::Record, button: Data::Read.text(lang) };
        let delete = Act {
            method: "DELETE",
            path: &path,
            then: Then::Answer,
            button: Data::Delete.text(lang),
        };
        html! {
            (card(Data::Read.text(lang), Data::ReadAbout.text(lang), &read.form(visit, &html! {})))
            (card(Data::Delete.text(lang), Data::DeleteAbout.text(lang), &delete.form(visit, &confirm(lang))))
        }
    }
}
