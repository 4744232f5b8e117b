//! The objects that a receipt names.

use serde::Serialize;
use tlog::{
    receipt::{Verified, Written},
    verify,
};

use crate::{report::Report, time::rfc3339};

/// An object that a request wrote or destroyed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    id: String,
    class: &'static str,
    destroyed: bool,
    /// The time from which it is unrecoverable.
    until: Option<String>,
}

impl Object {
    pub(super) fn of(written: &Written) -> Self {
        let Written { object, class, destroyed, until_ms } = *written;
        let until = until_ms.map(|until_ms| rfc3339(until_ms / 1000));
        Self { id: class.id(object), class: class.name(), destroyed, until }
    }

    pub(super) fn in_words(&self) -> String {
        let Self { id, class, destroyed, until } = self;
        match (destroyed, until) {
            (true, _) => format!("{class} {id}, destroyed by this request"),
            (false, Some(until)) => format!("{class} {id}, kept until {until} at the latest"),
            (false, None) => format!("{class} {id}, kept until its owner deletes it"),
        }
    }
}

/// Reports what the log says about the ends of a receipt's objects.
pub(super) fn ends(report: &mut Report, log: &verify::Report, verified: &Verified) {
    for &Written { object, class, .. } in verified.claims.facts.objects.iter().flatten() {
        let id = class.id(object);
        match log.end_of(object) {
            Some(end) => report.good(format!(
                "according to entry {} of the log {id} was destroyed at {}: {}",
                end.index,
                rfc3339(end.time_ms / 1000),
                end.why.words()
            )),
            None => report.note(format!("the log does not say that {id} was destroyed")),
        }
    }
}
