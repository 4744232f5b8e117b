//! The custodian's check of a grant: it relies only on signatures and entries of the log, not on the
//! server.

use policy::id::{GrantId, PersonId};
use tlog::{
    entry::{Entry, Event},
    limits::GRANT_MS_MAX,
    people::Party,
};

use super::{ProvenGrant, RecordToOpen, Refusal, decisions::Requested, newest::Newest};
use crate::keys::Used;

/// Returns the grant if the log proves the reviewer's request, its approval, the opening, and the
/// customer's consent where that is required.
pub(super) fn proved(
    grant: &ProvenGrant,
    newest: Newest<'_>,
    record: &RecordToOpen,
    now_ms: u64,
) -> Result<Used, Refusal> {
    let approved = newest.decision(&grant.approved, Party::Operator)?;
    let looked = newest.entry(&grant.looked)?;
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
    if !same || request != record.request || grant.approved.index >= grant.looked.index {
        return Err(Refusal::OtherGrant);
    }
    if reviewer == manager {
        return Err(Refusal::SelfApproved);
    }
    let requested = Requested { grant: id, request, reviewer, workstation };
    newest.requested(&requested, grant.approved.index)?;
    newest.not_refused(id, record.tenant)?;
    // The gateway wrote the approval; the promise is the customer's own.
    let lockbox = lockbox || newest.has_lockbox(record.tenant, record.resource);
    let permission = match (lockbox, &grant.consented) {
        (false, _) => Permission { given_ms: approved.time_ms, expires_ms },
        (true, None) => return Err(Refusal::NoConsent),
        (true, Some(consented)) => {
            if consented.index <= grant.approved.index || consented.index >= grant.looked.index {
                return Err(Refusal::NoConsent);
            }
            let tenant = Party::Tenant { tenant: record.tenant };
            let consented = newest.decision(consented, tenant)?;
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
