//! The frame of the pages of signed-in people.

use maud::{Markup, html};

use super::{Desk, FOLDER, Visit};
use crate::{
    layout::{Around, Frame, Link, framed},
    words::{Message as _, person::Person},
};

impl Visit<'_> {
    /// Makes a page: its title is also its heading.
    pub(crate) fn page(&self, title: &str, scripts: &[&str], body: &Markup) -> String {
        self.framed((title, true), scripts, body)
    }

    fn framed(&self, (title, has_json): (&str, bool), scripts: &[&str], body: &Markup) -> String {
        let lang = self.frame.lang;
        let links: Vec<_> = NAVIGATION
            .iter()
            .filter(|(desks, ..)| desks.contains(&self.desk))
            .map(|(_, path, name)| Link {
                path,
                name: name.text(lang),
                is_here: is_below(self.frame.here, path),
                waiting: self.badges.at(path),
            })
            .collect();
        let around = Around {
            links: &links,
            aside: self.sign_out(),
            source: Person::Source.text(lang),
            has_json,
        };
        framed(
            &self.frame,
            title,
            &around,
            scripts,
            &html! { (self.broken()) h1 { (title) } (body) },
        )
    }

    /// Shows the promises that are broken, on each page: they concern everybody.
    fn broken(&self) -> Markup {
        let lang = self.frame.lang;
        let broken = self.badges.broken();
        html! {
            @if !broken.is_empty() {
                div class="notice" role="alert" {
                    p {
                        strong { (Person::Broken.text(lang)) " " (broken.join(", ")) }
                        ". " (Person::BrokenWhere.text(lang))
                    }
                }
            }
        }
    }

    /// Returns the visit of another page: where a form of this page leads back to.
    pub(crate) fn at<'b>(&'b self, here: &'b str) -> Visit<'b> {
        Visit { frame: Frame { here, ..self.frame.clone() }, ..self.clone() }
    }

    /// Makes the page after a form's request. It has no address of its own, and so no JSON.
    pub(crate) fn page_after(&self, title: &str, scripts: &[&str], body: &Markup) -> String {
        self.framed((title, false), scripts, body)
    }

    fn sign_out(&self) -> Markup {
        html! {
            form class="session" method="post" action="/pages/sign-out" {
                input type="hidden" name="csrf" value=(self.csrf);
                @if let Some(name) = self.name { span { (name) } }
                button class="quiet" { (Person::SignOut.text(self.frame.lang)) }
            }
        }
    }
}

/// Whether a page is this one of the navigation, or below it.
fn is_below(here: &str, path: &str) -> bool {
    let page = here.split('?').next().unwrap_or(here);
    let rest = page.strip_prefix(path);
    page == path || (path != FOLDER && rest.is_some_and(|rest| rest.starts_with('/')))
}

/// The navigation of each listener.
const NAVIGATION: &[(&[Desk], &str, Person)] = &[
    (&[Desk::Owner, Desk::Operations], FOLDER, Person::NavHome),
    (&[Desk::Review], FOLDER, Person::NavQueue),
    (&[Desk::Review], "/pages/penalties", Person::NavPenalties),
    (&[Desk::Owner], "/pages/subjects", Person::NavSubjects),
    (&[Desk::Owner], "/pages/keys", Person::NavKeys),
    (&[Desk::Owner], "/pages/applications", Person::NavApplications),
    (&[Desk::Owner, Desk::Operations], "/pages/console", Person::NavConsole),
    (&[Desk::Owner, Desk::Operations], "/pages/compare", Person::NavCompare),
];
