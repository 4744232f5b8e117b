//! Lists the times at which records of some requests were opened by reviewers, read or deleted,
//! according to the log. These are facts without a verdict: only the owners know whether a read was
//! theirs.

use tlog::{
    id::RequestId,
    verify::{Access, AccessKind, Report, plural},
};

use crate::{report, time::rfc3339};

/// Adds the accesses to a report. `sound`: whether the log is complete and without failures.
pub(crate) fn list(
    report: &mut report::Report,
    (log, sound): (&Report, bool),
    requests: &[RequestId],
) {
    for request in requests {
        let accesses = log.accesses.get(request).map_or(&[][..], Vec::as_slice);
        report.note(format!("{request}: {}", in_words(accesses)));
        for Access { index, time_ms, kind } in accesses {
            let when = rfc3339(time_ms / 1000);
            report.note(format!("{request}: entry {index}, {when}: {}", kind.name()));
        }
    }
    if !requests.is_empty() && !sound {
        report.unchecked("whether there were others: the log is incomplete or has errors");
    }
}

fn in_words(accesses: &[Access]) -> String {
    if accesses.is_empty() {
        return "no access to its record is in this log".to_owned();
    }
    let count = |kind| accesses.iter().filter(|access| access.kind == kind).count() as u64;
    format!(
        "{} by reviewers, {} and {} by its owner, by this log",
        plural(count(AccessKind::Looked), "look", "looks"),
        plural(count(AccessKind::OwnerRead), "read", "reads"),
        plural(count(AccessKind::OwnerDeleted), "deletion", "deletions")
    )
}
