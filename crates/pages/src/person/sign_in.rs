//! The pages before a person is signed in.

use maud::{Markup, html};

use super::{Desk, FOLDER};
use crate::{
    format::encoded,
    layout::{Around, Frame, Link, framed},
    words::{Message as _, person::Person},
};

/// A way to sign in, as the page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The identity provider's name for people: the host of its issuer.
    pub name: String,
    /// Its number among the configured ones.
    pub number: usize,
}

/// Returns the page that offers the ways to sign in. `to` is the page to go to afterwards; `trouble` says
/// why the last try failed.
#[must_use]
pub fn offer(
    frame: &Frame<'_>,
    desk: Desk,
    (ways, to): (&[Way], &str),
    trouble: Option<&str>,
) -> String {
    let lang = frame.lang;
    let body = html! {
        h1 { (Person::SignInTitle.text(lang)) }
        p class="lead" { (Person::SignInLead.text(lang)) }
        @if let Some(trouble) = trouble {
            div class="notice" role="alert" { p lang="en" { (trouble) "." } }
        }
        @for way in ways {
            p {
                a class="button" href={ "/pages/sign-in/" (way.number) "?to=" (encoded(to)) } {
                    (Person::SignInWith.with(lang, &[("issuer", &way.name)]))
                }
            }
        }
        @if desk == Desk::Operations {
            form class="act" method="post" action={ "/pages/sign-in?to=" (encoded(to)) } autocomplete="off" {
                div class="field" {
                    label { (Person::SignInKey.text(lang)) input type="password" name="key" required; }
                }
                button { (Person::SignInKeyButton.text(lang)) }
            }
        } @else if ways.is_empty() {
            p class="notice" { (Person::NoWayIn.text(lang)) }
        }
    };
    outside(frame, Person::SignInTitle, &body)
}

/// Returns the page that leads on to another one after signing in. The identity provider's website led to it, so a
/// browser sends a `SameSite=Strict` cookie only from the next page on. The server lets the browser go on
/// by itself, with the header `Refresh`.
#[must_use]
pub fn welcome(frame: &Frame<'_>, to: &str) -> String {
    let lang = frame.lang;
    let body = html! {
        h1 { (Person::SignedIn.text(lang)) }
        p { a class="button" href=(to) { (Person::Continue.text(lang)) } }
    };
    outside(frame, Person::SignedIn, &body)
}

fn outside(frame: &Frame<'_>, title: Person, body: &Markup) -> String {
    let lang = frame.lang;
    let links =
        [Link { path: FOLDER, name: Person::SignInTitle.text(lang), is_here: true, waiting: 0 }];
    let source = Person::Source.text(lang);
    let around = Around { links: &links, aside: html! {}, source, has_json: false };
    framed(frame, title.text(lang), &around, &[], body)
}
