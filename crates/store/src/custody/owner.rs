//! Whether the log tells that an owner reads a record now, or has deleted one: checked by the
//! custodian, with nothing of the server's but what the log signed.

use policy::id::{KeyId, RequestId};
use tlog::{checkpoint::Checkpoint, entry::Event, limits::OWNER_READ_MS_MAX, tree::leaf_hash};

use super::{Proven, Refusal, grant};
use crate::keys::Used;

/// The entry, which serves once: where the log tells that this very record is read, now.
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
    // One that is said to be still to come would stay new for as long.
    if entry.time_ms.abs_diff(now_ms) > OWNER_READ_MS_MAX {
        return Err(Refusal::Expired);
    }
    let until_ms = entry.time_ms.saturating_add(OWNER_READ_MS_MAX);
    Ok(Used::entry(&leaf_hash(&proven.entry.entry), until_ms))
}

/// Whether the log tells that a record was deleted which was sealed under this very key. It serves
/// for that key alone, and so once.
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
