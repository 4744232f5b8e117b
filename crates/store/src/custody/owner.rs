//! Whether the log tells that a record is about to be read by its owner: checked by the custodian,
//! with nothing of the server's but what the log signed.

use policy::id::RequestId;
use tlog::{
    canon::Digest, checkpoint::Checkpoint, entry::Event, limits::OWNER_READ_MS_MAX, tree::leaf_hash,
};

use super::{ProvenRead, Refusal, grant::read};

/// The entry's leaf, which serves once: where the log tells that this very record is read, now.
pub(super) fn proved(
    proven: &ProvenRead,
    checkpoint: &Checkpoint,
    asked: RequestId,
    now_ms: u64,
) -> Result<Digest, Refusal> {
    let entry = read(&proven.read, checkpoint)?;
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
    Ok(leaf_hash(&proven.read.entry))
}
