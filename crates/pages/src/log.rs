//! The log explorer: entries in words, with their proofs. It shows facts from
//! the log's public files, and no id of a person.

mod draw;
mod entry_page;
mod event;
mod page;
mod view;

pub use self::{
    event::{Kind, Said, ids, is_id, kind, said},
    view::{
        Consistency, EntryView, ExplorerView, Filter, HeadView, LineView, Searched, StepView,
        Trouble, WitnessView, proof_steps,
    },
};

/// Entries on one page.
pub const LINES_MAX: usize = 50;
/// Entries that one search reads at most; a link goes on from there.
pub const SEARCHED_MAX: u64 = 8192;

#[cfg(test)]
mod tests;
