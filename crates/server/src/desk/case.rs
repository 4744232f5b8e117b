//! A record with its review, as decisions about it see it: facts, without content.

use policy::{
    authz::{
        context::Moment,
        facts::{ApprovalFacts, GrantFacts, RecordFacts, ResourceFacts},
    },
    id::{GrantId, PersonId, RequestId, TeamId},
    workflow::review::{Attempt, State as Reviewed, Waiting, why_not},
};
use store::workflow::Review;

use super::{Desk, Visitor, blocking, error::DeskError};
use crate::{clock, looked::Looked};

/// A record with its review: what decisions about it look at.
pub(super) struct Case {
    pub(super) state: Reviewed,
    pub(super) record: Looked<RecordFacts>,
    pub(super) now_ms: u64,
}

impl Case {
    /// Finds a record by its request. One that is not kept is decided about as one that may not be
    /// seen.
    pub(super) async fn find(
        desk: &Desk,
        visitor: &Visitor,
        request: &str,
    ) -> Result<Self, DeskError> {
        let now_ms = clock::now_ms();
        let Ok(request) = request.parse::<RequestId>() else {
            return Ok(Self { state: Reviewed::default(), record: Looked::record(None), now_ms });
        };
        let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
        let (found, state) =
            blocking(move || Ok((ledger.record(request)?, store.state::<Review>(request)?)))
                .await?;
        let facts = found.map(|found| RecordFacts {
            of: ResourceFacts { tenant: found.tenant, resource: found.resource },
            record: request,
            region: found.region,
            // Of a resource that was deleted nobody can consent for any more: its records stay shut.
            lockbox: visitor.directory().resource(found.resource).is_none_or(|r| r.lockbox),
            flagged: state.queue_item(now_ms).is_some(),
        });
        Ok(Self { state, record: Looked::record(facts), now_ms })
    }

    /// The look of an id, as a decision about it sees it. One that is not under way is decided about
    /// as one that nobody approved: the step, or [`why_not`], says what became of it.
    pub(super) fn grant(&self, asked: GrantId, visitor: &Visitor) -> Result<GrantFacts, DeskError> {
        let mut record = visitor.known(&self.record)?.clone();
        let look = self.state.look(self.now_ms).filter(|look| look.grant == asked);
        let Some(look) = look else { return Ok(over(asked, record)) };
        let approval = look.manager.map(|manager| ApprovalFacts { manager, team: look.team });
        // What the customer was promised when it was asked for stays promised.
        record.lockbox |= look.lockbox;
        Ok(GrantFacts {
            grant: look.grant,
            record,
            reviewer: look.reviewer,
            team: look.team,
            workstation: look.workstation.to_string(),
            approval,
            consented: look.consented,
            expires_ms: look.expires_ms.unwrap_or(self.now_ms),
            used: look.waiting == Waiting::Judgement,
        })
    }

    /// Why the review does not let it happen.
    pub(super) fn why(&self, attempt: &Attempt<'_>) -> Option<DeskError> {
        why_not(&self.state, attempt, self.now_ms).map(DeskError::Review)
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms }
    }
}

/// A look that is not under way.
fn over(grant: GrantId, record: RecordFacts) -> GrantFacts {
    GrantFacts {
        grant,
        record,
        reviewer: PersonId::from_random([0; 16]),
        team: TeamId::from_random([0; 16]),
        workstation: String::new(),
        approval: None,
        consented: false,
        expires_ms: 0,
        used: false,
    }
}
