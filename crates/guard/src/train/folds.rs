//! Puts the rows into five folds, each with its share of each label.
//!
//! Jailbreaks in the wild are copies of each other with changes. Near copies stand in one fold:
//! otherwise a head would be measured on prompts that it has seen.

use crate::{
    data::{Kind, Row},
    fit::{Random, Sparse},
};

/// How many folds there are.
pub(crate) const NUMBER: usize = 5;

/// Cosine from which two prompts are near copies. A vector of words and characters has length √2.
const NEAR: f32 = 0.9;

/// Returns each row's fold.
pub(crate) fn of(rows: &[Row], values: &[Vec<Sparse>]) -> Vec<usize> {
    let mut folds = vec![0; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    Random(7).shuffle(&mut order);
    // Rows with the same labels stand together, and are dealt out in turn.
    order.sort_by_key(|at| rows.get(*at).map(|row| (row.kind as u8, row.labels)));
    for (turn, at) in order.iter().enumerate() {
        put(&mut folds, *at, turn % NUMBER);
    }
    let jailbreaks: Vec<usize> = order
        .into_iter()
        .filter(|at| rows.get(*at).is_some_and(|row| row.kind == Kind::Jailbreaks))
        .collect();
    for (turn, group) in groups(&jailbreaks, values).into_iter().enumerate() {
        group.into_iter().for_each(|at| put(&mut folds, at, turn % NUMBER));
    }
    folds
}

fn put(folds: &mut [usize], at: usize, fold: usize) {
    if let Some(place) = folds.get_mut(at) {
        *place = fold;
    }
}

/// Groups rows so that near copies are in one group. The largest groups come first.
fn groups(rows: &[usize], values: &[Vec<Sparse>]) -> Vec<Vec<usize>> {
    let of = |at: &usize| values.get(*at).and_then(|bags| bags.first());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut spread = vec![0_f32; policy::guard::heads::BUCKETS];
    for at in rows {
        let Some(own) = of(at) else { continue };
        own.iter().for_each(|(place, value)| set(&mut spread, *place, *value));
        let near = |other: &usize| of(other).is_some_and(|other| dot(&spread, other) >= 2.0 * NEAR);
        let (joined, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(near));
        groups = apart;
        groups.push(joined.into_iter().flatten().chain([*at]).collect());
        own.iter().for_each(|(place, _)| set(&mut spread, *place, 0.0));
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

fn set(spread: &mut [f32], place: u32, value: f32) {
    if let Some(cell) = usize::try_from(place).ok().and_then(|place| spread.get_mut(place)) {
        *cell = value;
    }
}

fn dot(spread: &[f32], values: &Sparse) -> f32 {
    let cell = |place: u32| usize::try_from(place).ok().and_then(|place| spread.get(place));
    values.iter().filter_map(|(place, value)| Some(cell(*place)? * value)).sum()
}
