//! The playground: one question to a deployment, its answer, and the check of its receipt in the browser.
//!
//! The question is a request of the API like any other, with the person's own token: it is recorded,
//! counted and limited, and has its receipt. The page gives the browser the very bytes of the request and the answer,
//! so that the receipt checker can check their digests.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    Answer, Refused, Visit,
    act::BadForm,
    console::{
        parts::{fact, select},
        things::Deployment,
    },
    outcome::back,
    reading,
};
use crate::{
    assets,
    format::Query,
    receipt::Checker,
    words::{Message as _, build::Build, console::Console, reading::Reading},
};

/// The address that takes the question's form.
pub const ADDRESS: &str = "/pages/playground";

/// Longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 8000;

/// Most tokens of an answer.
const TOKENS_MAX: u64 = 4096;

/// Tokens of an answer, unless the person asks for another number.
const TOKENS: u64 = 256;

/// A question, as the form has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The resource.
    pub resource: String,
    /// The page of the form.
    pub back: String,
    deployment: String,
    message: String,
    tokens: u64,
}

/// Omits the message: it is content.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl Question {
    /// Reads a form.
    ///
    /// # Errors
    /// If the form is none of ours.
    pub fn read(form: &Query) -> Result<Self, BadForm> {
        let needed = |name: &str| form.get(name).map(str::to_owned).ok_or(BadForm);
        let tokens = match form.get("tokens") {
            Some(text) => text.parse().map_err(|_| BadForm)?,
            None => TOKENS,
        };
        Ok(Self {
            resource: needed("resource")?,
            back: needed("back")?,
            deployment: needed("deployment")?,
            // Blanks alone are a message, too: the API decides about it.
            message: form.get("message").unwrap_or_default().to_owned(),
            tokens,
        })
    }

    /// Returns the body of the request: a chat completion of the API.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = json!({
            "model": self.deployment,
            "messages": [{"role": "user", "content": self.message}],
            "max_completion_tokens": self.tokens,
        });
        body.to_string().into_bytes()
    }
}

/// The exchange that a question made: the very bytes.
pub struct Exchange<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The id of the request, as the answer's `x-request-id` has it.
    pub request: Option<&'a str>,
    /// The body that was sent.
    pub asked: &'a [u8],
    /// The body of the answer.
    pub answered: &'a [u8],
    /// The receipt, if there is one and the person may read it.
    pub receipt: Result<&'a [u8], Refused>,
}

/// Omits the bodies.
impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, request, .. } = self;
        f.debug_struct("Exchange")
            .field("status", status)
            .field("request", request)
            .finish_non_exhaustive()
    }
}

/// Shows the form for a question to one of these deployments.
pub(super) fn form(visit: &Visit<'_>, resource: &str, deployments: &[Deployment]) -> Markup {
    let lang = visit.frame.lang;
    let chats: Vec<_> = deployments
        .iter()
        .filter(|one| one.task == "chat")
        .map(|one| (one.name.as_str(), one.name.as_str()))
        .collect();
    let Some((first, _)) = chats.first() else {
        return html! { p { (Build::PlaygroundNone.text(lang)) } };
    };
    html! {
        p { (Build::PlaygroundText.text(lang)) }
        form method="post" action=(ADDRESS) autocomplete="off" {
            input type="hidden" name="csrf" value=(visit.csrf);
            input type="hidden" name="resource" value=(resource);
            input type="hidden" name="back" value=(visit.frame.link(visit.frame.here));
            (select(Console::Deployment.text(lang), "deployment", &chats, first))
            div class="field" {
                label {
                    (Build::PlaygroundMessage.text(lang))
                    textarea name="message" rows="4" required maxlength=(MESSAGE_CHARS_MAX) {}
                }
            }
            div class="field" {
                label {
                    (Build::PlaygroundTokens.text(lang))
                    input type="number" name="tokens" value=(TOKENS) min="1" max=(TOKENS_MAX);
                }
            }
            button { (Build::PlaygroundAsk.text(lang)) }
        }
    }
}

/// Returns the page with the answer and the receipt checker, which has the files of this exchange.
#[must_use]
pub fn page(
    visit: &Visit<'_>,
    checker: &Checker,
    question: &Question,
    exchange: &Exchange<'_>,
) -> String {
    let visit = &visit.at(&question.back);
    let lang = visit.frame.lang;
    let text = String::from_utf8_lossy;
    // Without a body there is no reason either.
    let lost = Answer::of(exchange.status, exchange.answered).read::<IgnoredAny>().err();
    let lost = lost.filter(|_| exchange.answered.is_empty());
    let body = html! {
        @if let Some(refused) = lost { (refused.notice(visit)) }
        (reading::messages(&text(exchange.asked), &text(exchange.answered), lang))
        dl class="facts" {
            @if let Some(request) = exchange.request {
                (fact(Reading::Request.text(lang), &html! { code { (request) } }))
            }
            (fact(Reading::Status.text(lang), &html! { (exchange.status) }))
        }
        h2 { (Build::PlaygroundReceipt.text(lang)) }
        @match &exchange.receipt {
            Err(refused) => (refused.notice(visit)),
            Ok(receipt) => {
                p { (Build::PlaygroundCheck.text(lang)) }
                ul class="links" {
                    (file("receipt", "receipt.cose", Build::SaveReceipt.text(lang), receipt))
                    (file("request", "request.json", Build::SaveRequest.text(lang), exchange.asked))
                    (file("response", "response.json", Build::SaveAnswer.text(lang), exchange.answered))
                }
                (checker.form(lang, true))
            }
        }
        (back(visit, &question.back))
    };
    visit.page_after(Build::PlaygroundTitle.text(lang), &[&assets::script().address()], &body)
}

/// A file of the exchange: to save, and for the checker, which finds it by `data-given`.
fn file(field: &str, name: &str, text: &str, bytes: &[u8]) -> Markup {
    let address = format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes));
    html! { li { a href=(address) download=(name) data-given=(field) { (text) } } }
}

#[cfg(test)]
mod tests;
