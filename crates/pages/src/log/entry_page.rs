//! The page of one entry, with its proof.

use maud::{Markup, html};

use super::{EntryView, draw};
use crate::{
    layout::{Frame, Place, Voucher, entries, page},
    words::{Lang, Message as _, log::Log},
};

impl EntryView {
    /// Returns the page.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let lang = frame.lang;
        let title = Log::EntryTitle.with(lang, &[("number", &self.line.entry.to_string())]);
        let number = |entry: u64| frame.link(&format!("/trust/log/{entry}"));
        let before = self.line.entry.checked_sub(1);
        let after = Some(self.line.entry.saturating_add(1)).filter(|entry| *entry < self.size);
        let body = html! {
            p { a href=(frame.link("/trust/log")) { (Log::Title.text(lang)) } }
            h1 { (title) }
            p class="lead" { (self.line.text) }
            dl class="facts" {
                (row(Log::Time, &html! { (self.line.at.as_deref().unwrap_or("–")) }, lang))
                @if let Some(kind) = self.line.kind {
                    (row(Log::KindLabel, &html! { (kind.words(lang)) }, lang))
                }
                (row(Log::SignedByPeople, &html! {
                    (if self.signed_by_people { Log::Yes } else { Log::No }.text(lang))
                }, lang))
                (row(Log::Leaf, &html! { code { (self.leaf) } }, lang))
            }
            details {
                summary { (Log::Bytes.text(lang)) }
                pre tabindex="0" { (self.bytes) }
            }
            h2 { (Log::Proof.text(lang)) }
            @if self.holds {
                p { (Voucher::Operator.label(lang)) " " (Log::ProofHolds.text(lang)) }
            } @else {
                p class="verdict" data-state="failed" role="alert" { (Log::ProofFails.text(lang)) }
            }
            p {
                (Log::ProofText.with(lang, &[
                    ("count", &self.steps.len().to_string()),
                    ("entries", &entries(self.size, lang)),
                ]))
            }
            (draw::tree(self, lang))
            details {
                summary { (Log::Steps.text(lang)) }
                (table(self, lang))
            }
            details {
                summary { (Log::Checkpoint.text(lang)) }
                pre tabindex="0" { (self.checkpoint) }
            }
            p class="pages" {
                @if let Some(before) = before { a rel="prev" href=(number(before)) { "← " (before) } }
                @if let Some(after) = after { a rel="next" href=(number(after)) { (after) " →" } }
            }
        };
        page(frame, (Place::Log, &title), &[], &body)
    }
}

fn row(name: Log, value: &Markup, lang: Lang) -> Markup {
    html! { div { dt { (name.text(lang)) } dd { (value) } } }
}

fn table(view: &EntryView, lang: Lang) -> Markup {
    let own = html! { " " span class="voucher proved" { (Log::Own.text(lang)) } };
    html! {
        table class="wide" {
            thead {
                tr {
                    @for name in [Log::Step, Log::Left, Log::Right, Log::Together] {
                        th scope="col" { (name.text(lang)) }
                    }
                }
            }
            tbody {
                @for (number, step) in (1..).zip(&view.steps) {
                    @let number: usize = number;
                    tr {
                        th scope="row" { (number) }
                        td { code { (step.left) } @if step.is_left_own { (own) } }
                        td { code { (step.right) } @if !step.is_left_own { (own) } }
                        td { code { (step.together) } }
                    }
                }
            }
        }
    }
}
