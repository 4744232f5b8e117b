//! Texts that are found, texts that are not, and the cost.

mod cost;
mod found;
mod places;
mod sample;

use super::{Detector, Found, Kind, Kinds, Terms};

fn detector() -> Detector {
    Detector::new(&Kinds::default(), &Terms::default()).unwrap()
}

fn find(text: &str) -> Vec<Found> {
    detector().find(text)
}

/// The kinds and texts that are found.
fn values(text: &str) -> Vec<(Kind, &str)> {
    find(text).into_iter().map(|one| (one.kind, text.get(one.span).unwrap())).collect()
}
