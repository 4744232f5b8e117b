//! The models, with the forms that add and delete them.

use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{
    NameRule, ROWS_WITH_FORMS, delete, fact, moment, new_name, pages, part, place, section, select,
    whole,
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    person::{
        Answer, View, Visit,
        act::{Act, Then, flag, line, number, text},
    },
    words::{Lang, Message as _, console::Console},
};

/// The page.
pub(super) struct Models {
    from: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    /// Absent, like the size and the path, if engines serve the model.
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    size_bytes: Option<u64>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    served_by: Option<Vec<String>>,
    #[serde(default)]
    fine_tuned: Option<FineTuned>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    license: Option<String>,
    architecture: String,
    parameters: u64,
    context_tokens: u64,
    generates: bool,
    created_at: String,
}

#[derive(Deserialize)]
struct FineTuned {
    resource: String,
    job: String,
}

impl Models {
    pub(super) fn of(query: &Query) -> Self {
        Self { from: place(query) }
    }
}

impl View for Models {
    fn asks(&self) -> Vec<String> {
        vec!["/admin/v1/models".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [models] = answers else { return String::new() };
        let body = html! {
            (models.shown(visit, |all: Vec<Model>| html! {
                @if all.is_empty() { p { (Console::NoModels.text(lang)) } }
                @for model in part(&all, self.from, ROWS_WITH_FORMS) { (one(visit, model)) }
                (pages(visit, all.len(), self.from, ROWS_WITH_FORMS))
            }))
            (section("file", Console::ModelFromFile.text(lang), &from_file(visit)))
            (section("served", Console::ModelServed.text(lang), &served(visit)))
        };
        super::page(visit, "/pages/console/models", Console::Models.text(lang), &body)
    }
}

fn one(visit: &Visit<'_>, model: &Model) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/admin/v1/models/{}", encoded(&model.name));
    html! {
        h2 { (model.name) }
        dl class="facts" {
            (fact(Console::Task.text(lang), &html! {
                (if model.generates { Console::TaskChat.text(lang) } else { Console::TaskEmbed.text(lang) })
            }))
            @if let Some(engines) = &model.served_by {
                (fact(Console::ServedBy.text(lang), &html! {
                    @if engines.is_empty() { (Console::NoEngine.text(lang)) } @else { (engines.join(", ")) }
                }))
            }
            @if let Some(tuned) = &model.fine_tuned {
                (fact(Console::FineTuned.text(lang), &html! { (tuned.resource) ", " code { (tuned.job) } }))
            }
            (sizes(model, lang))
            @if let Some(sha256) = &model.sha256 { (fact("SHA-256", &html! { code { (sha256) } })) }
            @if let Some(path) = &model.path { (fact(Console::File.text(lang), &html! { code { (path) } })) }
            @if let Some(source) = &model.source { (fact(Console::Origin.text(lang), &html! { (source) })) }
            (fact(Console::License.text(lang), &html! { (model.license.as_deref().unwrap_or("–")) }))
            (fact(Console::Created.text(lang), &moment(&model.created_at)))
        }
        (delete(visit, &path, &model.name, (Console::DeleteModelHelp.text(lang), visit.frame.here)))
    }
}

fn sizes(model: &Model, lang: Lang) -> Markup {
    html! {
        @if !model.architecture.is_empty() {
            (fact(Console::Architecture.text(lang), &html! {
                (model.architecture) ", " (grouped(model.parameters)) " " (Console::Weights.text(lang))
            }))
        }
        @if model.context_tokens > 0 {
            (fact(Console::Context.text(lang), &html! { (grouped(model.context_tokens)) }))
        }
        @if let Some(bytes) = model.size_bytes {
            (fact(Console::Size.text(lang), &html! { (grouped(bytes.div_ceil(1 << 20))) " MiB" }))
        }
    }
}

fn from_file(visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::AddModel.text(lang);
    let act = Act { method: "POST", path: "/admin/v1/models", then: Then::Answer, button };
    let (on, off) = (Console::Yes.text(lang), Console::No.text(lang));
    let fields = html! {
        (new_name(Console::Name.text(lang), &text("name"), NameRule::Word))
        (line(Console::PathOnMachine.text(lang), &text("path"), "", true))
        (line(Console::FileInFolder.text(lang), &text("file"), "", false))
        (line(Console::Expected.text(lang), &text("sha256"), "", false))
        (select(Console::InPlace.text(lang), &flag("inPlace"), &[("false", off), ("true", on)], "false"))
    };
    html! {
        p { (Console::ModelFromFileHelp.text(lang)) }
        (act.form(visit, &fields))
    }
}

fn served(visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::AddModel.text(lang);
    let act = Act { method: "POST", path: "/admin/v1/models", then: Then::Back, button };
    let tasks =
        [("chat", Console::TaskChat.text(lang)), ("embeddings", Console::TaskEmbed.text(lang))];
    let fields = html! {
        input type="hidden" name=(flag("served")) value="true";
        (new_name(Console::Name.text(lang), &text("name"), NameRule::Word))
        (select(Console::Task.text(lang), &text("task"), &tasks, "chat"))
        (whole(Console::Context.text(lang), &number("contextTokens"), None, 4_294_967_295))
    };
    html! {
        p { (Console::ModelServedHelp.text(lang)) }
        (act.form(visit, &fields))
    }
}
