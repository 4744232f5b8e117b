//! The log explorer's page.

use maud::{Markup, html};

use super::{Consistency, ExplorerView, Filter, HeadView, Kind, LineView, Trouble, WitnessView};
use crate::{
    format::encoded,
    layout::{Frame, Place, Voucher, entries, grouped, page},
    words::{Lang, Message as _, log::Log},
};

impl ExplorerView {
    /// Returns the page. `address` is that of the service, for the commands.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let lang = frame.lang;
        let title = Log::Title.text(lang);
        let body = html! {
            h1 { (title) }
            p class="lead" { (Log::Intro.text(lang)) }
            @match &self.head {
                Some(head) => { (the_head(head, lang)) }
                None => { p { (Log::Empty.text(lang)) } }
            }
            (witnesses(&self.witnesses, lang))
            section aria-labelledby="entries" {
                h2 id="entries" { (Log::Entries.text(lang)) }
                (form(self, frame))
                @if self.trouble.is_none() { (found(self, frame)) }
            }
            (consistency(self, frame))
            (copy(lang))
        };
        page(frame, (Place::Log, title), &[], &body)
    }
}

fn the_head(head: &HeadView, lang: Lang) -> Markup {
    let row = |name: Log, value: Markup| html! { div { dt { (name.text(lang)) } dd { (value) } } };
    html! {
        section aria-labelledby="head" {
            h2 id="head" { (Log::Head.text(lang)) " " (Voucher::Proved.label(lang)) }
            dl class="facts" {
                (row(Log::Size, html! { (grouped(head.size)) }))
                (row(Log::Root, html! { code { (head.root) } }))
                (row(Log::LastTime, html! {
                    @match &head.newest { Some(at) => { time datetime=(at) { (at) } }, None => { "–" } }
                }))
            }
            details {
                summary { (Log::Checkpoint.text(lang)) }
                pre tabindex="0" { (head.checkpoint) }
            }
        }
    }
}

fn witnesses(witnesses: &[WitnessView], lang: Lang) -> Markup {
    html! {
        section aria-labelledby="witnesses" {
            h2 id="witnesses" { (Log::Witnesses.text(lang)) }
            p { (Log::WitnessesText.text(lang)) }
            @if witnesses.is_empty() {
                p { strong { (Log::NoWitnesses.text(lang)) } }
            } @else {
                table class="wide" {
                    thead {
                        tr {
                            th scope="col" { (Log::Witness.text(lang)) }
                            th scope="col" { (Log::Signed.text(lang)) }
                        }
                    }
                    tbody {
                        @for one in witnesses {
                            tr {
                                th scope="row" { (one.name) }
                                td {
                                    @match &one.signed_at {
                                        Some(at) => {
                                            span class="state kept" { (Log::SignedNow.with(lang, &[("time", at)])) }
                                            " " (Voucher::Proved.label(lang))
                                        }
                                        None => {
                                            span class="state stale" {
                                                (Log::SignedOlder.with(lang, &[("entries", &entries(one.size, lang))]))
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The form of the filter. Its answer is a page with an address of its own, which can be kept.
fn form(view: &ExplorerView, frame: &Frame<'_>) -> Markup {
    let (filter, lang) = (&view.filter, frame.lang);
    let wrong = |trouble: Trouble| (view.trouble == Some(trouble)).then_some("true");
    html! {
        form class="filters" method="get" action="/trust/log" role="search" aria-label=(Log::Filter.text(lang)) {
            @if frame.is_lang_named { input type="hidden" name="lang" value=(lang.tag()); }
            div {
                label for="kind" { (Log::KindLabel.text(lang)) }
                select id="kind" name="kind" {
                    option value="" { (Log::AllKinds.text(lang)) }
                    @for (kind, name) in Kind::ALL {
                        option value=(name) selected[filter.kind == Some(kind)] { (kind.words(lang)) }
                    }
                }
            }
            div {
                label for="day" { (Log::DayLabel.text(lang)) }
                input id="day" name="day" type="date" value=(filter.day.as_deref().unwrap_or(""))
                    aria-invalid=[wrong(Trouble::Day)] aria-describedby="trouble";
            }
            div {
                label for="id" { (Log::IdLabel.text(lang)) }
                input id="id" name="id" size="38" spellcheck="false" autocomplete="off"
                    value=(filter.id.as_deref().unwrap_or(""))
                    aria-invalid=[wrong(Trouble::Id)] aria-describedby="trouble";
            }
            button type="submit" { (Log::Show.text(lang)) }
        }
        p id="trouble" class=[view.trouble.is_some().then_some("notice")] {
            @match view.trouble {
                Some(Trouble::Day) => { (Log::BadDay.text(lang)) }
                Some(Trouble::Id) => { (Log::BadId.text(lang)) }
                None => {
                    @if filter.id.is_some() { (Log::RequestHidden.text(lang)) }
                }
            }
        }
    }
}

fn found(view: &ExplorerView, frame: &Frame<'_>) -> Markup {
    let lang = frame.lang;
    html! {
        @if view.entries.is_empty() {
            p { strong { (Log::NothingFound.text(lang)) } }
        } @else {
            table class="wide" {
                thead {
                    tr {
                        th scope="col" { (Log::Number.text(lang)) }
                        th scope="col" { (Log::Time.text(lang)) }
                        th scope="col" { (Log::What.text(lang)) }
                    }
                }
                tbody { @for line in &view.entries { (entry(line, frame)) } }
            }
        }
        @if let Some(searched) = view.searched {
            p class="help" {
                (Log::Searched.with(lang, &[
                    ("from", &searched.from.to_string()),
                    ("to", &searched.to.to_string()),
                ]))
            }
            p class="pages" {
                @if view.filter.before.is_some() {
                    a href=(frame.link(&address(&view.filter, None))) { "← " (Log::Newest.text(lang)) }
                }
                @if let Some(next) = searched.next {
                    a rel="next" href=(frame.link(&address(&view.filter, Some(next)))) {
                        (Log::Older.text(lang)) " →"
                    }
                }
            }
        }
    }
}

fn entry(line: &LineView, frame: &Frame<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(frame.link(&format!("/trust/log/{}", line.entry))) { (line.entry) } }
            td class="time" {
                @if let Some(at) = &line.at {
                    time datetime=(at) { (at.replace('T', " ").replace('Z', "")) }
                }
            }
            td { (line.text) }
        }
    }
}

/// Returns the address of a search, going on before an entry.
fn address(filter: &Filter, before: Option<u64>) -> String {
    let mut pairs = Vec::new();
    if let Some(kind) = filter.kind {
        pairs.push(format!("kind={}", kind.name()));
    }
    for (name, value) in [("day", &filter.day), ("id", &filter.id)] {
        if let Some(value) = value {
            pairs.push(format!("{name}={}", encoded(value)));
        }
    }
    if let Some(before) = before {
        pairs.push(format!("before={before}"));
    }
    if pairs.is_empty() {
        "/trust/log".to_owned()
    } else {
        format!("/trust/log?{}", pairs.join("&"))
    }
}

fn consistency(view: &ExplorerView, frame: &Frame<'_>) -> Markup {
    let lang = frame.lang;
    html! {
        section aria-labelledby="consistency" {
            h2 id="consistency" { (Log::Consistency.text(lang)) }
            p { (Log::ConsistencyText.text(lang)) }
            @if let Some(answer) = &view.consistency { (verdict(answer, lang)) }
            form method="get" action="/trust/log#consistency" {
                @if frame.is_lang_named { input type="hidden" name="lang" value=(lang.tag()); }
                div class="field" {
                    label for="older" { (Log::OlderLabel.text(lang)) }
                    textarea id="older" name="older" rows="6" spellcheck="false" autocomplete="off" required { (view.older) }
                }
                button type="submit" { (Log::Prove.text(lang)) }
            }
        }
    }
}

fn verdict(answer: &Consistency, lang: Lang) -> Markup {
    let words = |count: u64| entries(count, lang);
    let (state, text) = match answer {
        Consistency::Continues { older, newer, proof } => {
            let count = proof.len().to_string();
            let values = [("older", words(*older)), ("newer", words(*newer)), ("count", count)];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            ("verified", Log::Continues.with(lang, &values))
        }
        Consistency::Rewritten { older } => {
            ("failed", Log::Rewritten.with(lang, &[("older", &words(*older))]))
        }
        Consistency::Shorter { older, newer } => (
            "failed",
            Log::Shorter.with(lang, &[("older", &words(*older)), ("newer", &words(*newer))]),
        ),
        Consistency::Renamed { origin } => {
            ("incomplete", Log::Renamed.with(lang, &[("origin", origin)]))
        }
        Consistency::NotOurs => ("incomplete", Log::NotOurs.text(lang).to_owned()),
    };
    html! {
        p class="verdict" data-state=(state) role="status" { (text) " " (Voucher::Operator.label(lang)) }
        @if let Consistency::Continues { proof, .. } = answer {
            @if !proof.is_empty() {
                details {
                    summary { (Log::Proof.text(lang)) }
                    pre tabindex="0" { (proof.join("\n")) }
                }
            }
        }
    }
}

fn copy(lang: Lang) -> Markup {
    html! {
        section aria-labelledby="yourself" {
            h2 id="yourself" { (Log::Yourself.text(lang)) }
            p { (Voucher::Reader.label(lang)) " " (Log::YourselfText.text(lang)) }
            pre lang="en" tabindex="0" {
                "bailiwick-audit mirror --service-key service.pub https://THIS-SERVICE log\n"
                "bailiwick-audit verify --service-key service.pub log log"
            }
        }
    }
}
