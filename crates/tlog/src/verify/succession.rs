//! Checks that a log which succeeds another says so, and says where it was cut.

use alloc::{borrow::ToOwned as _, format, string::String};

use super::{Audit, Finding, Found, Replay, Report};
use crate::{
    checkpoint::Checkpoint,
    note::Verifier,
    succession::{EndSignature, Mark, Succession},
};

/// A succession, as the log tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succeeded {
    /// The entry that tells of it.
    pub index: u64,
    /// When.
    pub time_ms: u64,
    /// What it says.
    pub succession: Succession,
    /// The signature that ended the old log.
    pub signature: EndSignature,
}

impl Replay {
    /// Takes an entry that says that this log succeeds another, given the tree before it.
    pub(super) fn succeeded(
        &mut self,
        (before, last_ms): (Mark, u64),
        succeeded: Succeeded,
        found: &mut Found,
    ) {
        let succession = &succeeded.succession;
        if succession.cut != before {
            found.wrong("it says that the log was cut elsewhere than before it".into());
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
            found.wrong(format!("it ends `{}`, and the log was another", succession.old));
        }
        // What should have happened meanwhile stands in the part that was cut off.
        let excused = self.keys.succeeded(last_ms, succeeded.time_ms)
            + self.exemptions.succeeded(last_ms, succeeded.time_ms);
        if excused > 0 {
            found.notice(format!(
                "the deadlines of {excused} keys and exemptions came after the backup was made: what \
                 was done in time stands in the part of the old log that was cut off"
            ));
        }
        self.report.successions.push(succeeded);
    }
}

impl Report {
    /// What is wrong with the names that this log had, by the key that signs it.
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
                format!("it begins `{}`, and the checkpoint is another's", last.succession.new);
            return wrong(Some(last.index), what);
        }
        let name = service.name();
        let was = |Succeeded { succession, .. }: &Succeeded| {
            succession.old == name || succession.heads.iter().any(|head| head.origin == name)
        };
        if checkpoint.origin != name && !self.successions.iter().any(was) {
            let what = format!(
                "the checkpoint is of `{}`, and no entry says that it succeeds `{name}`",
                checkpoint.origin
            );
            return wrong(None, what);
        }
        None
    }
}

/// Whether a log continues a checkpoint that was saved before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continues {
    /// It does.
    Yes,
    /// The checkpoint is of the log that this one succeeds, after the cut; the entry that says so
    /// names it as a head.
    Named {
        /// The entry.
        index: u64,
    },
    /// It does not, and why: with the checkpoint that is the evidence.
    No(String),
}

impl Audit {
    /// Compares with a checkpoint that was saved before, as [`super::Question::older_size`] asked for.
    #[must_use]
    pub fn continues(&self, older: &Checkpoint) -> Continues {
        let Checkpoint { origin, size, root } = older;
        let successions = &self.report.successions;
        // After its cut, a log that ended has entries that this one has not.
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
                false => Continues::No("its first entries are others".to_owned()),
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
