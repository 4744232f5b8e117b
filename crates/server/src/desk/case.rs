//! A record with its review, as facts for decisions, without content.

use policy::{
    authz::{
        context::Moment,
        facts::{ApprovalFacts, GrantFacts, RecordFacts, ResourceFacts, SignatureFacts},
    },
    id::{GrantId, PersonId, RequestId, TeamId},
    workflow::review::{Attempt, State as Reviewed, Waiting, why_not},
};
use store::workflow::Review;

use super::{Desk, Visitor, blocking, error::DeskError};
use crate::{clock, looked::Looked};

/// A record with its review: the facts for decisions.
pub(super) struct Case {
    pub(super) state: Reviewed,
    pub(super) record: Looked<RecordFacts>,
    pub(super) now_ms: u64,
    /// The statements about the current access request that people signed.
    signatures: SignatureFacts,
}

impl Case {
    /// Finds a record by its request. A record that is not stored is decided like one that the
    /// visitor may not see.
    pub(super) async fn find(
        desk: &Desk,
        visitor: &Visitor,
        request: &str,
    ) -> Result<Self, DeskError> {
        let now_ms = clock::now_ms();
        let nothing = SignatureFacts::default();
        let Ok(request) = request.parse::<RequestId>() else {
            let (state, record) = (Reviewed::default(), Looked::record(None));
            return Ok(Self { state, record, now_ms, signatures: nothing });
        };
        let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
        let (found, state, roll, signatures) = blocking(move || {
            let (found, state) = (ledger.record(request)?, store.state::<Review>(request)?);
            let grant = state.look(now_ms).map(|look| look.grant);
            let signatures = match (&found, grant) {
                (Some(found), Some(grant)) => {
                    store.signatures(ledger.rolls(), grant, found.tenant)?
                }
                _ => nothing,
            };
            Ok((found, state, store.roll(ledger.rolls())?, signatures))
        })
        .await?;
        let promised = |tenant, resource| {
            let promises = roll.promises(tenant);
            promises.and_then(|promises| promises.lockbox(resource)) == Some(true)
        };
        let facts = found.map(|found| RecordFacts {
            of: ResourceFacts { tenant: found.tenant, resource: found.resource },
            record: request,
            // The customer's promise counts, also where the table has another one. A deleted resource has no owner for
            // a consent: its records stay locked.
            lockbox: promised(found.tenant, found.resource)
                || visitor.directory().resource(found.resource).is_none_or(|r| r.lockbox),
            region: found.region,
            flagged: state.queue_item(now_ms).is_some(),
        });
        Ok(Self { state, record: Looked::record(facts), now_ms, signatures })
    }

    /// Returns an access request as facts for a decision. One that is not current is decided like
    /// one without an approval; the step, or [`why_not`], then gives its actual state.
    pub(super) fn grant(&self, asked: GrantId, visitor: &Visitor) -> Result<GrantFacts, DeskError> {
        let mut record = visitor.known(&self.record)?.clone();
        let look = self.state.look(self.now_ms).filter(|look| look.grant == asked);
        let Some(look) = look else { return Ok(over(asked, record)) };
        let approval = look.manager.map(|manager| ApprovalFacts { manager, team: look.team });
        // A lockbox that was on at the time of the request still applies.
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
            signatures: self.signatures,
        })
    }

    /// Returns the reason for which the review refuses the step.
    pub(super) fn why(&self, attempt: &Attempt<'_>) -> Option<DeskError> {
        why_not(&self.state, attempt, self.now_ms).map(DeskError::Review)
    }

    /// Returns the step of an access request that its person did not sign, although the party has a root.
    pub(super) fn unsigned(grant: &GrantFacts) -> Option<DeskError> {
        let signed = grant.signatures;
        let operators = signed.operator_has_root;
        let customers = signed.customer_has_root && grant.record.lockbox;
        let steps = [
            (operators && !signed.request, "the reviewer"),
            (operators && !signed.approval, "the manager"),
            (customers && !signed.consent, "the customer"),
        ];
        steps.into_iter().find(|(missing, _)| *missing).map(|(_, who)| DeskError::StepUnsigned(who))
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms }
    }
}

/// The facts of an access request that is over, or never existed.
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
        signatures: SignatureFacts::default(),
    }
}
