//! Whether a grant is one that the log proves: checked by the custodian, with nothing of the
//! server's but what the log signed.

use policy::id::{GrantId, PersonId, RequestId};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    limits::GRANT_MS_MAX,
    tree,
};

use super::{Logged, ProvenGrant, Refusal};
use crate::keys::Used;

/// The grant, once the log proves that it was approved (and consented to, where the customer must),
/// and that the look is written down.
pub(super) fn proved(
    grant: &ProvenGrant,
    checkpoint: &Checkpoint,
    asked: RequestId,
    now_ms: u64,
) -> Result<Used, Refusal> {
    let (approved, looked) = (read(&grant.approved, checkpoint)?, read(&grant.looked, checkpoint)?);
    let Event::Looked { grant: used, request: looked_at, reviewer: looker, workstation: from } =
        looked.event
    else {
        return Err(Refusal::NotInTheLog);
    };
    let Event::Approved { grant: id, request, reviewer, manager, expires_ms, workstation, lockbox } =
        approved.event
    else {
        return Err(Refusal::NotInTheLog);
    };
    let same = id == used && reviewer == looker && request == looked_at && workstation == from;
    if !same || request != asked || grant.approved.index >= grant.looked.index {
        return Err(Refusal::OtherGrant);
    }
    if reviewer == manager {
        return Err(Refusal::SelfApproved);
    }
    let permission = match (lockbox, &grant.consented) {
        (false, _) => Permission { given_ms: approved.time_ms, expires_ms },
        (true, None) => return Err(Refusal::NoConsent),
        (true, Some(consented)) => {
            if consented.index <= grant.approved.index || consented.index >= grant.looked.index {
                return Err(Refusal::NoConsent);
            }
            let consented = read(consented, checkpoint)?;
            if consented.time_ms >= expires_ms {
                return Err(Refusal::Expired);
            }
            consent(&consented, id, [reviewer, manager])?
        }
    };
    if permission.expires_ms.saturating_sub(permission.given_ms) > GRANT_MS_MAX {
        return Err(Refusal::TooLong);
    }
    // Written down in time, and opened in time.
    if looked.time_ms.max(now_ms) >= permission.expires_ms {
        return Err(Refusal::Expired);
    }
    Ok(Used::grant(id, permission.expires_ms))
}

/// The last of the permissions that a look needs.
struct Permission {
    given_ms: u64,
    expires_ms: u64,
}

/// The customer's consent: to this grant, and by nobody of the operator's who has a part in it.
fn consent(entry: &Entry, id: GrantId, operators: [PersonId; 2]) -> Result<Permission, Refusal> {
    let Event::Consented { grant, person, expires_ms } = entry.event else {
        return Err(Refusal::NoConsent);
    };
    if grant != id {
        return Err(Refusal::NoConsent);
    }
    if operators.contains(&person) {
        return Err(Refusal::SelfApproved);
    }
    Ok(Permission { given_ms: entry.time_ms, expires_ms })
}

/// An entry, once the checkpoint's tree has it.
pub(super) fn read(logged: &Logged, checkpoint: &Checkpoint) -> Result<Entry, Refusal> {
    let leaf = tree::leaf_hash(&logged.entry);
    let Checkpoint { size, root, .. } = checkpoint;
    if !tree::includes(leaf, logged.index, *size, &logged.path, root) {
        return Err(Refusal::NotInTheLog);
    }
    Entry::decode(&logged.entry).map_err(|_| Refusal::NotInTheLog)
}
