//! The page about the promises as HTML.

use maud::{Markup, html};

use super::{ChangeView, Destination, EvidenceView, Home, PromiseView, Purpose, Service, State};
use crate::{
    layout::{self, Frame, Place, Voucher, entries, grouped},
    log::Kind,
    receipt::spaced,
    words::{Lang, Message as _, common::Common, home::Home as Words},
};

impl Home {
    /// Returns the page.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let lang = frame.lang;
        let title = Words::Title.text(lang);
        let body = html! {
            h1 { (title) }
            p class="lead" { (Words::Intro.text(lang)) }
            (tally(&self.promises, lang))
            section aria-labelledby="promises" {
                h2 id="promises" { (Words::Promises.text(lang)) }
                @for promise in &self.promises { (one(promise, lang)) }
            }
            (layout::legend(lang))
            (about(&self.service, frame))
            (processors(&self.service.destinations, lang))
            (changed(frame))
            (documents(&self.service, frame))
            (security(&self.service, lang))
            (history(&self.history, lang))
        };
        layout::page(frame, (Place::Home, title), &[], &body)
    }
}

/// Counts the promises by state.
fn tally(promises: &[PromiseView], lang: Lang) -> Markup {
    let count = |state| promises.iter().filter(|promise| promise.state == state).count();
    html! {
        @if count(State::Broken) > 0 {
            p class="verdict" data-state="failed" role="alert" { (Words::SomeBroken.text(lang)) }
        }
        ul class="tally" {
            @for state in State::ALL.into_iter().filter(|state| count(*state) > 0) {
                li { span class={ "state " (state.name()) } { (count(state)) " " (state.words(lang)) } }
            }
        }
    }
}

fn one(promise: &PromiseView, lang: Lang) -> Markup {
    let open = promise.state == State::Broken;
    html! {
        details class="promise" id=(promise.id) open[open] {
            summary {
                span class="id" { (promise.id) }
                span class="name" { (promise.name) }
                span class="statement" { (promise.statement) }
                span class={ "state " (promise.state.name()) } { (promise.state.words(lang)) }
            }
            div class="inside" {
                @if let Some(since) = &promise.since {
                    p class="help" {
                        (promise.state.words(lang)) " " (time(since, |time| Words::Since.with(lang, &[("time", time)])))
                    }
                }
                h3 { (Words::Evidence.text(lang)) }
                @if promise.evidence.is_empty() {
                    p { (Words::NoEvidence.text(lang)) }
                } @else {
                    ul class="evidence" { @for evidence in &promise.evidence { (checked(evidence, lang)) } }
                }
                h3 { (Words::HowTitle.text(lang)) }
                p { (Voucher::Reader.label(lang)) " " (promise.how_to_check) }
                h3 { (Words::BeyondTitle.text(lang)) }
                p { (promise.not_seen) }
            }
        }
    }
}

fn checked(evidence: &EvidenceView, lang: Lang) -> Markup {
    html! {
        li {
            strong { (evidence.title) } " " (evidence.rests_on.label(lang))
            @if let Some(remark) = evidence.remark { p class="notice" { (remark) } }
            @for fact in &evidence.facts { p { (fact) } }
            @if let Some(at) = &evidence.checked_at {
                p class="help" { (time(at, |time| Common::Checked.with(lang, &[("time", time)]))) }
            }
        }
    }
}

/// Returns a sentence with a time in it, marked up so that programs can read the time.
fn time(rfc3339: &str, sentence: impl Fn(&str) -> String) -> Markup {
    let readable = rfc3339.replace('T', " ").replace('Z', " UTC");
    html! { time datetime=(rfc3339) { (sentence(&readable)) } }
}

fn about(service: &Service, frame: &Frame<'_>) -> Markup {
    let lang = frame.lang;
    let stated = |value: &Option<String>| {
        value.clone().unwrap_or_else(|| Words::NotStated.text(lang).to_owned())
    };
    let row = |name: Words, voucher: Option<Voucher>, value: Markup| {
        html! {
            div {
                dt { (name.text(lang)) }
                dd { (value) @if let Some(voucher) = voucher { " " (voucher.label(lang)) } }
            }
        }
    };
    let operator = Some(Voucher::Operator);
    html! {
        section aria-labelledby="service" {
            h2 id="service" { (Words::Service.text(lang)) }
            dl class="facts" {
                (row(Words::Operator, operator, html! { (stated(&service.operator)) }))
                (row(Words::Contact, operator, html! { (stated(&service.contact)) }))
                (row(Words::Version, operator, html! { "Bailiwick " (service.version) }))
                (row(Words::Binary, operator, html! { code { (service.binary) } }))
                (row(Words::Configuration, operator, html! { code { (service.configuration) } }))
                (row(Words::Region, operator, html! { (service.region) }))
                @if !service.zones.is_empty() {
                    (row(Words::Zones, operator, html! {
                        @for (zone, regions) in &service.zones { (zone) ": " (regions.join(", ")) br; }
                    }))
                }
                (row(Words::Head, Some(Voucher::Proved), html! {
                    @match &service.head {
                        Some(head) => {
                            a href=(frame.link("/trust/log")) { (entries(head.size, lang)) } ", "
                            code { (head.root) }
                        }
                        None => { (Words::NoHead.text(lang)) }
                    }
                }))
                (row(Words::Key, None, html! { code { (service.key) } }))
                (row(Words::Fingerprint, Some(Voucher::Reader), html! { code { (spaced(&service.fingerprint)) } }))
            }
        }
    }
}

fn processors(destinations: &[Destination], lang: Lang) -> Markup {
    html! {
        section aria-labelledby="processors" {
            h2 id="processors" { (Words::Processors.text(lang)) " " (Voucher::Operator.label(lang)) }
            p { (Words::ProcessorsText.text(lang)) }
            @if destinations.is_empty() {
                p { strong { (Words::NoDestinations.text(lang)) } }
            } @else {
                table class="wide" {
                    thead {
                        tr {
                            th scope="col" { (Words::Destination.text(lang)) }
                            th scope="col" { (Words::Purpose.text(lang)) }
                            th scope="col" { (Words::Company.text(lang)) }
                            th scope="col" { (Words::Where.text(lang)) }
                            th scope="col" class="number" { (Words::Dials.text(lang)) }
                        }
                    }
                    tbody {
                        @for one in destinations {
                            tr {
                                th scope="row" {
                                    @if one.address.is_empty() { (Words::CustomerAddress.text(lang)) }
                                    @else { (one.address) }
                                }
                                td { (purposes(&one.purposes, lang)) }
                                td {
                                    @if one.address.is_empty() { (Words::OwnCustomer.text(lang)) }
                                    @else if one.companies.is_empty() { (Words::OwnOperator.text(lang)) }
                                    @else { (one.companies.join(", ")) }
                                }
                                td { @if one.regions.is_empty() { "–" } @else { (one.regions.join(", ")) } }
                                td class="number" { (grouped(one.dials)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn purposes(purposes: &[Purpose], lang: Lang) -> String {
    let word = |purpose: &Purpose| match purpose {
        Purpose::Engine => Words::PurposeEngine.text(lang),
        Purpose::Witness => Words::PurposeWitness.text(lang),
        Purpose::Identity => Words::PurposeIdentity.text(lang),
        Purpose::Notices => Words::PurposeNotices.text(lang),
        Purpose::CustomerNotices => Words::PurposeCustomerNotices.text(lang),
        Purpose::Telemetry => Words::PurposeTelemetry.text(lang),
        Purpose::Other => Words::PurposeOther.text(lang),
    };
    purposes.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The kinds of entries that are changes of the service, and not events of its work.
fn changed(frame: &Frame<'_>) -> Markup {
    let lang = frame.lang;
    let kinds = [
        (Kind::Start, Words::ChangesStart),
        (Kind::Change, Words::ChangesSettings),
        (Kind::Processor, Words::ChangesProcessors),
        (Kind::Proof, Words::ChangesProofs),
    ];
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { (Words::Changes.text(lang)) " " (Voucher::Proved.label(lang)) }
            p { (Words::ChangesText.text(lang)) }
            ul {
                @for (kind, about) in kinds {
                    li { a href=(frame.link(&format!("/trust/log?kind={}", kind.name()))) { (about.text(lang)) } }
                }
            }
        }
    }
}

fn documents(service: &Service, frame: &Frame<'_>) -> Markup {
    let lang = frame.lang;
    let live = [
        ("controls.json", Words::DocControls),
        ("component-definition.json", Words::DocComponent),
        ("assessment-results.json", Words::DocAssessment),
    ];
    let documents = [
        ("docs/promises.md", Words::DocPromises),
        ("docs/threats.md", Words::DocThreats),
        ("docs/operate/verify.md", Words::DocVerify),
        ("docs/spec/log.md", Words::DocLog),
    ];
    html! {
        section aria-labelledby="documents" {
            h2 id="documents" { (Words::Documents.text(lang)) }
            p { (Words::DocumentText.with(lang, &[("version", &service.version)])) }
            ul { @for (file, about) in documents { li { code { (file) } ": " (about.text(lang)) } } }
            p { (Words::DocumentLive.text(lang)) }
            ul {
                @for (file, about) in live {
                    li { a href={ "/trust/evidence/" (file) } { (file) } ": " (about.text(lang)) }
                }
            }
        }
    }
}

fn security(service: &Service, lang: Lang) -> Markup {
    html! {
        section aria-labelledby="security" {
            h2 id="security" { (Words::Security.text(lang)) }
            @match &service.security_contact {
                Some(contact) => {
                    p {
                        (Words::SecurityText.text(lang)) " "
                        // Only these can be followed: a link of another scheme could run a script.
                        @if contact.starts_with("mailto:") || contact.starts_with("https://") {
                            a href=(contact) rel="noreferrer" { (contact.trim_start_matches("mailto:")) }
                        } @else { (contact) }
                        " (" a href="/.well-known/security.txt" { "security.txt" } ")"
                    }
                }
                None => { p { (Words::SecurityNone.text(lang)) } }
            }
        }
    }
}

fn history(changes: &[ChangeView], lang: Lang) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 id="history" { (Words::History.text(lang)) }
            p { (Words::HistoryText.text(lang)) }
            @if changes.is_empty() {
                p { (Words::NoHistory.text(lang)) }
            } @else {
                ul class="history" {
                    @for change in changes {
                        li {
                            (time(&change.at, str::to_owned)) " "
                            (change.promise) " " (change.name) ": " (change.state.words(lang))
                        }
                    }
                }
            }
        }
    }
}
