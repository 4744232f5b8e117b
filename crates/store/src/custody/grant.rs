//! The custodian's check of a grant: it relies only on entries of the signed log, not on the
//! server.

use policy::id::{GrantId, PersonId, RequestId};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    limits::GRANT_MS_MAX,
    tree,
};

use super::{Logged, ProvenGrant, Refusal};
use crate::keys::Used;

/// Returns the grant if the log proves its approval, the opening, and the customer's consent where
/// that is required.
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
    // Both the log entry and the opening must be in time.
    if looked.time_ms.max(now_ms) >= permission.expires_ms {
        return Err(Refusal::Expired);
    }
    Ok(Used::grant(id, permission.expires_ms))
}

/// The last permission that an opening needs: the approval, or the customer's consent.
struct Permission {
    given_ms: u64,
    expires_ms: u64,
}

/// Checks the customer's consent: for this grant, and not by its reviewer or approver.
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

/// Returns an entry if the checkpoint's tree includes it.
pub(super) fn read(logged: &Logged, checkpoint: &Checkpoint) -> Result<Entry, Refusal> {
    let leaf = tree::leaf_hash(&logged.entry);
    let Checkpoint { size, root, .. } = checkpoint;
    if !tree::includes(leaf, logged.index, *size, &logged.path, root) {
        return Err(Refusal::NotInTheLog);
    }
    Entry::decode(&logged.entry).map_err(|_| Refusal::NotInTheLog)
}
