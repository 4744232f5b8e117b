//! Tells who has looked at, read or deleted the records of some requests, by the log alone. Nothing
//! of it is right or wrong by itself: whether a read was theirs, its owners know.

use tlog::{
    id::RequestId,
    verify::{Access, AccessKind, Report, plural},
};

use super::report;
use crate::manage::time;

/// `sound`: whether nothing was wrong with the log.
pub(super) fn tell(
    report: &mut report::Report,
    (log, sound): (&Report, bool),
    requests: &[RequestId],
) {
    for request in requests {
        let accesses = log.accesses.get(request).map_or(&[][..], Vec::as_slice);
        report.note(format!("{request}: {}", in_words(accesses)));
        for Access { index, time_ms, kind } in accesses {
            let when = time(time_ms / 1000);
            report.note(format!("{request}: entry {index}, {when}: {}", kind.name()));
        }
    }
    if !requests.is_empty() && !sound {
        report.unchecked("whether there were others: the log is not as it should be");
    }
}

fn in_words(accesses: &[Access]) -> String {
    if accesses.is_empty() {
        return "nobody has looked at or read its record, by this log".to_owned();
    }
    let count = |kind| accesses.iter().filter(|access| access.kind == kind).count() as u64;
    format!(
        "{} by reviewers, {} and {} by its owner, by this log",
        plural(count(AccessKind::Looked), "look", "looks"),
        plural(count(AccessKind::OwnerRead), "read", "reads"),
        plural(count(AccessKind::OwnerDeleted), "deletion", "deletions")
    )
}
