//! The custodian's check that the log holds an owner's read or deletion of a record: it relies only
//! on signatures and entries of the log, not on the server.

use tlog::{entry::Event, limits::OWNER_READ_MS_MAX, people::Party, tree::leaf_hash};

use super::{Named, Proven, RecordToOpen, Refusal, newest::Newest};
use crate::keys::Used;

/// Returns the permission if the log holds a current `OwnerRead` entry of this record. The
/// permission serves once.
pub(super) fn read(
    proven: &Proven,
    newest: Newest<'_>,
    record: &RecordToOpen,
    now_ms: u64,
) -> Result<Used, Refusal> {
    let entry = newest.decision(&proven.entry, Party::Tenant { tenant: record.tenant })?;
    let Event::OwnerRead { request, .. } = entry.event else {
        return Err(Refusal::NotInTheLog);
    };
    if request != record.request {
        return Err(Refusal::OtherGrant);
    }
    // An entry with a future time would stay valid for longer, so refuse it too.
    if entry.time_ms.abs_diff(now_ms) > OWNER_READ_MS_MAX {
        return Err(Refusal::Expired);
    }
    let until_ms = entry.time_ms.saturating_add(OWNER_READ_MS_MAX);
    Ok(Used::entry(&leaf_hash(&proven.entry.entry), until_ms))
}

/// Checks that the log holds the deletion of a record that was sealed under this key. The entry
/// allows the destruction of this key only, and so serves once.
pub(super) fn deleted(proven: &Proven, newest: Newest<'_>, asked: &Named) -> Result<(), Refusal> {
    let Event::OwnerDeleted { key, .. } = newest.deletion(&proven.entry, asked.tenant)?.event
    else {
        return Err(Refusal::NotInTheLog);
    };
    if key == asked.key { Ok(()) } else { Err(Refusal::OtherGrant) }
}
