//! The changes of the promises' states, in `trust-history.jsonl` in the data directory: one JSON
//! object a line, the oldest first. The file is replaced as a whole at each change; changes are rare.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pages::trust::{Change, Promise, State};
use serde::{Deserialize, Serialize};

use crate::files::{NotWritten, write_private};

/// The file's name.
const FILE: &str = "trust-history.jsonl";

/// Changes that are kept: with one a day, more than three years.
const CHANGES_MAX: usize = 2000;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    at_ms: u64,
    promise: String,
    state: String,
}

/// The changes of states.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
    changes: Vec<Change>,
}

impl History {
    /// Reads the file; an unreadable line is left out.
    pub(super) fn read(data: &Path) -> Self {
        let path = data.join(FILE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let changes = text.lines().filter_map(|line| change(&serde_json::from_str(line).ok()?));
        Self { changes: changes.collect(), path }
    }

    /// Returns the changes, the oldest first.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Notes the states that differ from the last ones, and logs them for the operator.
    ///
    /// # Errors
    /// If the file cannot be written. The changes are noted in memory all the same.
    pub(super) fn note(
        &mut self,
        now: impl Iterator<Item = (Promise, State)>,
        at_ms: u64,
    ) -> Result<(), NotWritten> {
        let before = self.changes.len();
        for (promise, state) in now {
            let last = self.changes.iter().rev().find(|change| change.promise == promise);
            if last.is_none_or(|last| last.state != state) {
                self.changes.push(Change { promise, state, at_ms });
                let alarming = matches!(state, State::Broken | State::NotKept);
                let (promise, state) = (promise.id(), state.name());
                if alarming {
                    tracing::error!(promise, state, "the state of a promise changed");
                } else {
                    tracing::info!(promise, state, "the state of a promise changed");
                }
            }
        }
        if self.changes.len() == before {
            return Ok(());
        }
        let surplus = self.changes.len().saturating_sub(CHANGES_MAX);
        self.changes.drain(..surplus);
        let lines = self.changes.iter().map(|change| Line {
            at_ms: change.at_ms,
            promise: change.promise.id().to_owned(),
            state: change.state.name().to_owned(),
        });
        let text: String = lines
            .filter_map(|line| serde_json::to_string(&line).ok())
            .map(|line| line + "\n")
            .collect();
        write_private(&self.path, &text)
    }
}

/// Reads the changes in a data directory, the oldest first.
pub(crate) fn read(data: &Path) -> Vec<Change> {
    History::read(data).changes
}

fn change(line: &Line) -> Option<Change> {
    let promise = Promise::ALL.into_iter().find(|promise| promise.id() == line.promise)?;
    Some(Change { promise, state: State::named(&line.state)?, at_ms: line.at_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stay_over_a_restart_and_nothing_else_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::read(folder.path());
        let states = |state| Promise::ALL.into_iter().map(move |promise| (promise, state));
        history.note(states(State::Kept), 1).unwrap();
        history.note(states(State::Kept), 2).unwrap();
        assert_eq!(history.changes().len(), 17);
        history.note([(Promise::ThirtyDays, State::Broken)].into_iter(), 3).unwrap();
        let mut again = History::read(folder.path());
        assert_eq!(again.changes(), history.changes());
        again.note([(Promise::ThirtyDays, State::Broken)].into_iter(), 4).unwrap();
        assert_eq!(again.changes().last().unwrap().at_ms, 3);
    }

    #[test]
    fn a_damaged_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let good = "{\"at_ms\":1,\"promise\":\"P6\",\"state\":\"kept\"}";
        let text = format!("{good}\nnot JSON\n{}\n", good.replace("P6", "P99"));
        fs::write(folder.path().join(FILE), text).unwrap();
        assert_eq!(History::read(folder.path()).changes().len(), 1);
    }
}
