//! People and programs with their roles.

use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{
    NameRule, ROWS_WITH_FORMS, new_name, pages, part, place, section, select, spans,
};
use crate::{
    format::Query,
    person::{
        Answer, View, Visit,
        act::{Act, Then, flag, text},
    },
    words::{Lang, Message as _, console::Console},
};

/// The page.
pub(super) struct People {
    from: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    principal: String,
    /// `person` or `workload`.
    kind: String,
    tenant: String,
    object_id: String,
    role: String,
    scope: Scope,
    #[serde(default)]
    team: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Scope {
    Tenant,
    Service,
    Resource { name: String },
    Deployment { resource: String, name: String },
}

/// The names of all roles.
const ROLES: [&str; 9] = [
    "Cognitive Services OpenAI User",
    "Cognitive Services OpenAI Contributor",
    "Cognitive Services Contributor",
    "Cognitive Services Usages Reader",
    "Data Protection Officer",
    "Auditor",
    "Operator",
    "Reviewer",
    "Review Manager",
];

/// The route of role assignments.
const PATH: &str = "/admin/v1/roleAssignments";

impl People {
    pub(super) fn of(query: &Query) -> Self {
        Self { from: place(query) }
    }
}

impl View for People {
    fn asks(&self) -> Vec<String> {
        vec![PATH.to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [assignments] = answers else { return String::new() };
        let whole = html! {
            (select(Console::Scope.text(lang), &text("scope"), &[
                ("tenant", Console::WholeTenant.text(lang)),
                ("service", Console::WholeService.text(lang)),
            ], "tenant"))
        };
        let resource =
            new_name(Console::Resource.text(lang), &text("scope.resource.name"), NameRule::Label);
        let deployment = html! {
            (new_name(Console::Resource.text(lang), &text("scope.deployment.resource"), NameRule::Label))
            (new_name(Console::Deployment.text(lang), &text("scope.deployment.name"), NameRule::Word))
        };
        let body = html! {
            p class="lead" { (Console::PeopleLead.text(lang)) }
            (assignments.shown(visit, |all: Vec<Assignment>| self.table(visit, &all)))
            (section("assign", Console::Assign.text(lang), &html! {
                p { (spans(Console::AssignHelp.text(lang))) }
                h3 { (Console::AssignWhole.text(lang)) } (assign(visit, &whole))
                details class="more" { summary { (Console::AssignResource.text(lang)) } (assign(visit, &resource)) }
                details class="more" { summary { (Console::AssignDeployment.text(lang)) } (assign(visit, &deployment)) }
            }))
            (section("teams", Console::Teams.text(lang), &html! { p { (spans(Console::TeamsText.text(lang))) } }))
        };
        super::page(visit, "/pages/console/people", Console::People.text(lang), &body)
    }
}

impl People {
    fn table(&self, visit: &Visit<'_>, all: &[Assignment]) -> Markup {
        let lang = visit.frame.lang;
        if all.is_empty() {
            return html! { p { (Console::NoPeople.text(lang)) } };
        }
        html! {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Console::Holder.text(lang)) }
                    th scope="col" { (Console::Role.text(lang)) }
                    th scope="col" { (Console::Scope.text(lang)) }
                    th scope="col" { (Console::Team.text(lang)) }
                    th scope="col" { (Console::Remove.text(lang)) }
                } }
                tbody { @for one in part(all, self.from, ROWS_WITH_FORMS) { tr {
                    th scope="row" {
                        code { (one.object_id) }
                        p class="help" { (kind(one, lang)) ", " (one.tenant) }
                        p class="help" { code { (one.principal) } }
                    }
                    td { (one.role) }
                    td { (scope(&one.scope, &one.tenant, lang)) }
                    td { (one.team.as_deref().unwrap_or("–")) }
                    td { (remove(visit, one)) }
                } } }
            }
            (pages(visit, all.len(), self.from, ROWS_WITH_FORMS))
        }
    }
}

fn kind(one: &Assignment, lang: Lang) -> &str {
    match one.kind.as_str() {
        "person" => Console::Person.text(lang),
        "workload" => Console::Program.text(lang),
        other => other,
    }
}

fn scope(scope: &Scope, tenant: &str, lang: Lang) -> Markup {
    html! {
        @match scope {
            Scope::Service => { (Console::WholeService.text(lang)) }
            Scope::Tenant => { (Console::Tenant.text(lang)) " " (tenant) }
            Scope::Resource { name } => { (Console::Resource.text(lang)) " " (name) }
            Scope::Deployment { resource, name } => { (Console::Deployment.text(lang)) " " (resource) "/" (name) }
        }
    }
}

fn remove(visit: &Visit<'_>, one: &Assignment) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::RemoveRole.text(lang);
    let act = Act { method: "DELETE", path: PATH, then: Then::Back, button };
    let hidden = |name: &str, value: &str| {
        html! { input type="hidden" name=(name) value=(value); }
    };
    let fields = html! {
        p { (Console::RemoveHelp.text(lang)) }
        (hidden(&text("role"), &one.role))
        (hidden(&text("tenant"), &one.tenant))
        (hidden(&text("objectId"), &one.object_id))
        (hidden(&flag("workload"), if one.kind == "workload" { "true" } else { "false" }))
        @match &one.scope {
            Scope::Service => { (hidden(&text("scope"), "service")) }
            Scope::Tenant => { (hidden(&text("scope"), "tenant")) }
            Scope::Resource { name } => { (hidden(&text("scope.resource.name"), name)) }
            Scope::Deployment { resource, name } => {
                (hidden(&text("scope.deployment.resource"), resource))
                (hidden(&text("scope.deployment.name"), name))
            }
        }
    };
    let label = format!("{}: {}, {}", Console::Remove.text(lang), one.role, one.object_id);
    html! {
        details class="more" {
            summary aria-label=(label) { (Console::Remove.text(lang)) }
            (act.form(visit, &fields))
        }
    }
}

fn assign(visit: &Visit<'_>, scope: &Markup) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::AssignButton.text(lang);
    let act = Act { method: "POST", path: PATH, then: Then::Back, button };
    let roles = ROLES.map(|role| (role, role));
    let kinds = [("false", Console::Person.text(lang)), ("true", Console::Program.text(lang))];
    let fields = html! {
        (new_name(Console::TenantOfHolder.text(lang), &text("tenant"), NameRule::Word))
        div class="field" {
            label {
                (Console::ObjectId.text(lang))
                input type="text" name=(text("objectId")) required pattern="[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}" maxlength="36" spellcheck="false";
            }
        }
        (select(Console::Holder.text(lang), &flag("workload"), &kinds, "false"))
        (select(Console::Role.text(lang), &text("role"), &roles, "Cognitive Services OpenAI User"))
        (scope)
    };
    act.form(visit, &fields)
}
