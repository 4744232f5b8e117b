//! The custodian's check that the log holds an owner's read or deletion of a record: it relies only
//! on entries of the signed log, not on the server.

use policy::id::{KeyId, RequestId};
use tlog::{checkpoint::Checkpoint, entry::Event, limits::OWNER_READ_MS_MAX, tree::leaf_hash};

use super::{Proven, Refusal, grant};
use crate::keys::Used;

/// Returns the permission if the log holds a current `OwnerRead` entry of this record. The
/// permission serves once.
pub(super) fn read(
    proven: &Proven,
    checkpoint: &Checkpoint,
    asked: RequestId,
    now_ms: u64,
) -> Result<Used, Refusal> {
    let entry = grant::read(&proven.entry, checkpoint)?;
    let Event::OwnerRead { request, .. } = entry.event else {
        return Err(Refusal::NotInTheLog);
    };
    if request != asked {
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
pub(super) fn deleted(
    proven: &Proven,
    checkpoint: &Checkpoint,
    asked: KeyId,
) -> Result<(), Refusal> {
    let Event::OwnerDeleted { key, .. } = grant::read(&proven.entry, checkpoint)?.event else {
        return Err(Refusal::NotInTheLog);
    };
    if key == asked { Ok(()) } else { Err(Refusal::OtherGrant) }
}
