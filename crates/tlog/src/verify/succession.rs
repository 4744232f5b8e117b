//! Checks that a log which succeeds another has an entry about it, with the place of the cut.

use alloc::{borrow::ToOwned as _, format, string::String};

use super::{Audit, Finding, Found, Replay, Report};
use crate::{
    checkpoint::Checkpoint,
    note::Verifier,
    succession::{EndSignature, Mark, Succession},
};

/// A succession in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succeeded {
    /// The number of the entry that records it.
    pub index: u64,
    /// The time of the entry.
    pub time_ms: u64,
    /// The content of the entry.
    pub succession: Succession,
    /// The signature that ended the old log.
    pub signature: EndSignature,
}

impl Replay {
    /// Processes an entry that says that this log succeeds another. `before` is the tree before the
    /// entry.
    pub(super) fn succeeded(
        &mut self,
        (before, last_ms): (Mark, u64),
        succeeded: Succeeded,
        found: &mut Found,
    ) {
        let succession = &succeeded.succession;
        if succession.cut != before {
            found.wrong("it names a cut that is not directly before it".into());
        }
        if succession.heads.is_empty() {
            found.wrong("it names no head of the log that ended".into());
        }
        if succession.old == succession.new {
            found.wrong("it says that a log succeeds itself".into());
        }
        let known = |head: &crate::succession::Head| {
            head.mark.size == before.size && head.mark.root != before.root
        };
        if succession.heads.iter().any(known) {
            found.wrong("it names a head that differs from the entries before it".into());
        }
        if let Some(last) = self.report.successions.last()
            && last.succession.new != succession.old
        {
            found.wrong(format!("it ends `{}`, but the log had another name", succession.old));
        }
        // Actions due meanwhile are in the part that was cut off.
        let excused = self.keys.succeeded(last_ms, succeeded.time_ms)
            + self.exemptions.succeeded(last_ms, succeeded.time_ms);
        if excused > 0 {
            found.notice(format!(
                "the deadlines of {excused} keys and exemptions came after the backup was made; \
                 timely actions are in the part of the old log that was cut off"
            ));
        }
        self.report.successions.push(succeeded);
    }
}

impl Report {
    /// Checks the names that this log had against the key that signs it.
    pub(super) fn names(&self, checkpoint: &Checkpoint, service: &Verifier) -> Option<Finding> {
        let wrong = |index, what: String| Some(Finding { index, what });
        for Succeeded { index, succession, signature, .. } in &self.successions {
            let old = service.renamed(&succession.old).ok();
            if old.and_then(|old| succession.note(&old, signature)).is_none() {
                let what = format!("the end of `{}` is not signed with its key", succession.old);
                return wrong(Some(*index), what);
            }
        }
        if let Some(last) = self.successions.last()
            && last.succession.new != checkpoint.origin
        {
            let what =
                format!("it begins `{}`, but the checkpoint has another name", last.succession.new);
            return wrong(Some(last.index), what);
        }
        let name = service.name();
        let was = |Succeeded { succession, .. }: &Succeeded| {
            succession.old == name || succession.heads.iter().any(|head| head.origin == name)
        };
        if checkpoint.origin != name && !self.successions.iter().any(was) {
            let what = format!(
                "the checkpoint belongs to `{}`, but no entry says that it succeeds `{name}`",
                checkpoint.origin
            );
            return wrong(None, what);
        }
        None
    }
}

/// The result of comparing a log with a saved checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continues {
    /// The log continues the checkpoint.
    Yes,
    /// The checkpoint belongs to the log that this one succeeds, and lies after the cut. The
    /// succession entry names it as a head.
    Named {
        /// The number of that entry.
        index: u64,
    },
    /// The log does not continue the checkpoint. The text has the reason; the checkpoint is the
    /// evidence.
    No(String),
}

impl Audit {
    /// Compares the log with a saved checkpoint. The audit needs its size in
    /// [`super::Question::older_size`].
    #[must_use]
    pub fn continues(&self, older: &Checkpoint) -> Continues {
        let Checkpoint { origin, size, root } = older;
        let successions = &self.report.successions;
        // After the cut, an ended log has entries that this log does not have.
        let ended = successions.iter().find(|one| {
            one.succession.old == *origin
                || one.succession.heads.iter().any(|head| head.origin == *origin)
        });
        let is_this = *origin == self.checkpoint.origin;
        let common = match (is_this, ended) {
            (true, _) => self.checkpoint.size,
            (false, Some(one)) => one.succession.cut.size,
            (false, None) => {
                return Continues::No(format!("no entry says that this log succeeds `{origin}`"));
            }
        };
        if *size <= common {
            return match self.older_root == Some(*root) {
                true => Continues::Yes,
                false => Continues::No("its first entries differ".to_owned()),
            };
        }
        let Some(one) = ended.filter(|_| !is_this) else {
            return Continues::No("it has fewer entries".to_owned());
        };
        if one.succession.heads.iter().any(|head| head.is(older)) {
            return Continues::Named { index: one.index };
        }
        let (newest, cut) = (one.succession.newest(), one.succession.cut.size);
        Continues::No(format!(
            "entry {} says that the old log was cut at {cut} entries and had {newest}, and does not name \
             this head",
            one.index
        ))
    }
}
