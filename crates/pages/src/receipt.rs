//! The receipt checker. The browser checks; the server only gives the page, the checker and the
//! service's public key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use crate::{
    assets,
    layout::{Frame, Place, page},
    words::{Lang, Message as _, common::Common, receipt::Receipt},
};

/// The receipt checker's data.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checker {
    /// The service's public key, as in `service.pub`.
    pub service_key: String,
    /// SHA-256 of that text without a line break, in hexadecimal.
    pub fingerprint: String,
    /// Address of the checker: `audit-wasm`, compressed by gzip.
    checker: String,
    /// Bytes of the checker.
    checker_bytes: usize,
}

impl Checker {
    /// Makes the data from the service's public key.
    #[must_use]
    pub fn new(service_key: &str) -> Self {
        let checker = assets::checker();
        Self {
            service_key: service_key.trim().to_owned(),
            fingerprint: fingerprint(service_key),
            checker: checker.address(),
            checker_bytes: checker.bytes.len(),
        }
    }

    /// Returns the page.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let lang = frame.lang;
        let saved = frame.link("/trust/receipt/saved");
        let size = kilobytes(self.checker_bytes.saturating_mul(4) / 3 + SAVED_BYTES);
        let body = html! {
            (introduction(lang))
            (self.form(lang, true))
            section aria-labelledby="elsewhere" {
                h2 id="elsewhere" { (Receipt::Elsewhere.text(lang)) }
                p {
                    a class="button" href=(saved) download="bailiwick-receipt-checker.html" {
                        (Receipt::SavePage.text(lang))
                    }
                }
                p { (Receipt::SaveHelp.with(lang, &[("size", &size)])) }
                (command(lang))
            }
        };
        let title = Receipt::Title.text(lang);
        page(frame, (Place::Receipt, title), &[&assets::script().address()], &body)
    }

    /// Returns the page as one file that works without a network.
    #[must_use]
    pub fn saved(&self, lang: Lang) -> String {
        let title = Receipt::Title.text(lang);
        let page = html! {
            (DOCTYPE)
            html lang=(lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(assets::policy_of_saved());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (title) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(assets::STYLE)) }
                }
                body {
                    a class="skip" href="#main" { (Common::Skip.text(lang)) }
                    main id="main" tabindex="-1" {
                        div class="wrap" {
                            (introduction(lang))
                            (self.form(lang, false))
                            p class="note" { (Receipt::SavedNote.text(lang)) }
                            (command(lang))
                        }
                    }
                    template id="module" { (STANDARD.encode(assets::checker().bytes)) }
                    script type="module" { (PreEscaped(assets::script_text())) }
                }
            }
        };
        page.into_string()
    }

    /// Shows the form and the place of the result. `is_fetched` says whether the script fetches the
    /// checker from the service; a saved page has it.
    pub(crate) fn form(&self, lang: Lang, is_fetched: bool) -> Markup {
        let text = |message: Receipt| message.text(lang);
        let files = [
            ("receipt", Receipt::File, Receipt::FileHelp),
            ("request", Receipt::RequestFile, Receipt::RequestHelp),
            ("response", Receipt::AnswerFile, Receipt::AnswerHelp),
        ];
        html! {
            p { strong { (text(Receipt::Local)) } }
            noscript { p class="notice" { (text(Receipt::NoScript)) } }
            form id="check" data-checker=[is_fetched.then_some(&self.checker)] {
                (sayings(lang))
                fieldset id="drop" {
                    legend { (text(Receipt::FilesTitle)) }
                    p { (text(Receipt::Drop)) }
                    @for (name, label, help) in files {
                        div class="field" {
                            label for=(name) { (text(label)) }
                            input id=(name) type="file" aria-describedby={ (name) "-help" };
                            p class="help" id={ (name) "-help" } { (text(help)) }
                        }
                    }
                    div class="field" {
                        label for="log" { (text(Receipt::LogFolder)) }
                        input id="log" type="file" webkitdirectory aria-describedby="log-help";
                        p class="help" id="log-help" { (text(Receipt::LogHelp)) }
                    }
                }
                fieldset {
                    legend { (text(Receipt::KeyTitle)) }
                    div class="field" {
                        label for="key" { (text(Receipt::Key)) }
                        textarea id="key" rows="2" spellcheck="false" autocomplete="off"
                            aria-describedby="key-help" { (self.service_key) }
                        p class="help" id="key-help" { (text(Receipt::KeyHelp)) }
                    }
                    p id="fingerprint" class="fingerprint" data-served=(self.fingerprint) {
                        span { (text(Receipt::Fingerprint)) ": " }
                        code id="digest" { (spaced(&self.fingerprint)) }
                    }
                    p id="changed" class="notice" hidden { (text(Receipt::KeyChanged)) }
                }
                p {
                    button type="submit" { (text(Receipt::Check)) }
                    @if is_fetched {
                        " " span class="help" {
                            (Receipt::Module.with(lang, &[("size", &kilobytes(self.checker_bytes))]))
                        }
                    }
                }
            }
            section aria-labelledby="result-title" {
                h2 id="result-title" { (text(Receipt::Result)) }
                p id="verdict" class="verdict" role="status" { (text(Receipt::Waiting)) }
                div id="findings" hidden {
                    h3 { (text(Receipt::Checks)) }
                    p class="help" { (text(Receipt::ChecksEnglish)) }
                    ul id="checks" class="checks" lang="en" {}
                    div id="says" hidden {
                        h3 { (text(Receipt::Says)) }
                        dl id="facts" class="facts" {}
                        h3 { (text(Receipt::Vouches)) }
                        ul id="claims" class="claims" lang="en" {}
                    }
                    details {
                        summary { (text(Receipt::Full)) }
                        pre id="report" lang="en" tabindex="0" {}
                    }
                    p { button id="save" type="button" { (text(Receipt::Save)) } }
                }
            }
        }
    }
}

fn introduction(lang: Lang) -> Markup {
    html! {
        h1 { (Receipt::Title.text(lang)) }
        p class="lead" { (Receipt::Intro.text(lang)) }
    }
}

/// The texts that the script shows, by the names that it knows them by.
fn sayings(lang: Lang) -> Markup {
    let sayings = [
        ("working", Receipt::Working.text(lang)),
        ("verified", Receipt::Verified.text(lang)),
        ("failed", Receipt::Failed.text(lang)),
        ("incomplete", Receipt::Incomplete.text(lang)),
        ("unreadable", Receipt::Unreadable.text(lang)),
        ("no-receipt", Receipt::Missing.text(lang)),
        ("unsupported", Receipt::Unsupported.text(lang)),
        ("time", Receipt::FieldTime.text(lang)),
        ("model", Receipt::FieldModel.text(lang)),
        ("place", Receipt::FieldPlace.text(lang)),
        ("stored", Receipt::FieldStored.text(lang)),
        ("kept", Receipt::FieldKept.text(lang)),
        ("request-id", Receipt::FieldRequest.text(lang)),
        ("outcome", Receipt::FieldOutcome.text(lang)),
        ("policies", Receipt::FieldPolicies.text(lang)),
        ("entry", Receipt::FieldEntry.text(lang)),
        ("proved", Common::Proved.text(lang)),
        ("reader", Common::ByYou.text(lang)),
        ("operator", Common::OperatorsWord.text(lang)),
    ];
    html! {
        template id="sayings" {
            @for (name, text) in sayings { span data-name=(name) { (text) } }
        }
    }
}

fn command(lang: Lang) -> Markup {
    html! {
        p { (Receipt::ElsewhereText.text(lang)) }
        pre lang="en" tabindex="0" {
            "bailiwick-audit verify --service-key service.pub receipt RECEIPT \\\n  \
             --request request.json --response response.json"
        }
    }
}

/// Returns the fingerprint of a key: SHA-256 of its text without a line break.
#[must_use]
pub fn fingerprint(key: &str) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(key.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a digest in groups of four digits, to compare by eye or by telephone.
pub(crate) fn spaced(digest: &str) -> String {
    let mut out = String::new();
    for (place, digit) in digest.chars().enumerate() {
        if place > 0 && place.is_multiple_of(4) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Bytes of a saved page besides the checker, rounded.
const SAVED_BYTES: usize = 24 * 1024;

fn kilobytes(bytes: usize) -> String {
    format!("{} kB", bytes.div_ceil(1000))
}

#[cfg(test)]
mod tests;
