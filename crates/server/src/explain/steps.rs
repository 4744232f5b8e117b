//! The sentences of each step. Pure: facts in, sentences out.

mod entry;
mod filter;
mod kept;
mod opened;
mod personal;
mod receipt;
mod runs;
mod seen;

use super::{facts::Facts, sentence::Sentence};

/// Returns all sentences about a resource, in the order in which a request meets the steps.
pub(super) fn all(facts: &Facts) -> Vec<Sentence> {
    let steps = [
        entry::accepted(facts),
        entry::caller(facts),
        entry::limits(facts),
        filter::sentences(facts),
        personal::sentences(facts),
        runs::sentences(facts),
        seen::sentences(facts),
        kept::sentences(facts),
        opened::sentences(facts),
        opened::abuse(facts),
        receipt::sentences(facts),
    ];
    steps.into_iter().flatten().collect()
}

/// Writes names in a sentence: `a, b and c`.
fn and(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Writes names in a sentence, quoted: `` `a` and `b` ``.
fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    and(&names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

/// Writes a number with its noun: `1 day`, `2 days`.
fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
