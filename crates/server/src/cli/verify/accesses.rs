//! Tells who has looked at, read or deleted the records of some requests, by the log alone. Nothing
//! of it is right or wrong by itself: whether a read was theirs, its owners know.

use std::io;

use tlog::{
    id::RequestId,
    verify::{Access, AccessKind, Report},
};

use super::Findings;
use crate::manage::time;

/// `sound`: whether nothing was wrong with the log.
pub(super) fn tell(
    findings: &Findings,
    (report, sound): (&Report, bool),
    requests: &[RequestId],
) -> io::Result<()> {
    for request in requests {
        let accesses = report.accesses.get(request).map_or(&[][..], Vec::as_slice);
        findings.note(&format!("{request}: {}", in_words(accesses)))?;
        for Access { index, time_ms, kind } in accesses {
            let when = time(time_ms / 1000);
            findings.note(&format!("{request}: entry {index}, {when}: {}", kind.name()))?;
        }
    }
    if !requests.is_empty() && !sound {
        findings.unchecked("whether there were others: the log is not as it should be")?;
    }
    Ok(())
}

fn in_words(accesses: &[Access]) -> String {
    if accesses.is_empty() {
        return "nobody has looked at or read its record, by this log".to_owned();
    }
    let count = |kind| accesses.iter().filter(|access| access.kind == kind).count();
    format!(
        "{} looks by reviewers, {} reads and {} deletions by its owner, by this log",
        count(AccessKind::Looked),
        count(AccessKind::OwnerRead),
        count(AccessKind::OwnerDeleted)
    )
}
