//! An inclusion proof drawn as a tree: the entry at the bottom, the root at the top. The table beside
//! it has the same values for readers who do not see it.

use maud::{Markup, html};

use super::{EntryView, StepView};
use crate::words::{Lang, Message as _, log::Log};

const BOX_WIDTH: u64 = 150;
const BOX_HEIGHT: u64 = 30;
const GAP: u64 = 40;
const ROW: u64 = 62;
const MARGIN: u64 = 4;
const WIDTH: u64 = 2 * BOX_WIDTH + GAP + 2 * MARGIN;

/// Returns the drawing. Each row has the two values of a step; a line joins the pair to the value
/// that it makes in the row above.
pub(super) fn tree(view: &EntryView, lang: Lang) -> Markup {
    let rows = u64::try_from(view.steps.len()).unwrap_or(0);
    let height = (rows * ROW).saturating_add(BOX_HEIGHT + 2 * MARGIN);
    let label = Log::ProofTree
        .with(lang, &[("number", &view.line.entry.to_string()), ("count", &rows.to_string())]);
    html! {
        div class="tree" tabindex="0" role="region" aria-label=(Log::Proof.text(lang)) {
            svg role="img" aria-label=(label) width=(WIDTH) height=(height)
                viewBox={ "0 0 " (WIDTH) " " (height) } {
                @for (row, step) in (0..).zip(&view.steps) {
                    (pair(step, view, (row, rows)))
                }
                (value((WIDTH.saturating_sub(BOX_WIDTH)) / 2, MARGIN, &view.root, true))
            }
        }
    }
}

/// Draws a step: row 0 is at the bottom.
fn pair(step: &StepView, view: &EntryView, (row, rows): (u64, u64)) -> Markup {
    let top = rows.saturating_sub(row).saturating_mul(ROW) + MARGIN;
    let (left, right) = (MARGIN, MARGIN + BOX_WIDTH + GAP);
    // The value that the pair makes is in the next step, or is the root in the middle.
    let above = match view.steps.get(usize::try_from(row + 1).unwrap_or(usize::MAX)) {
        Some(next) if next.is_left_own => left + BOX_WIDTH / 2,
        Some(_) => right + BOX_WIDTH / 2,
        None => WIDTH / 2,
    };
    let bottom_of_above = top.saturating_sub(ROW) + BOX_HEIGHT;
    let line = |from: u64, own: bool| {
        let middle = bottom_of_above.saturating_add(top) / 2;
        html! {
            path class=[own.then_some("way")]
                d={ "M" (from + BOX_WIDTH / 2) " " (top) "V" (middle) "H" (above) "V" (bottom_of_above) } {}
        }
    };
    html! {
        // The own way is drawn last, over the other line.
        @if step.is_left_own { (line(right, false)) (line(left, true)) }
        @else { (line(left, false)) (line(right, true)) }
        (value(left, top, &step.left, step.is_left_own))
        (value(right, top, &step.right, !step.is_left_own))
    }
}

fn value(x: u64, y: u64, digest: &str, own: bool) -> Markup {
    html! {
        g class=[own.then_some("own")] {
            rect x=(x) y=(y) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="5" {}
            text x=(x + BOX_WIDTH / 2) y=(y + 20) text-anchor="middle" { (digest.get(..14).unwrap_or(digest)) "…" }
        }
    }
}
