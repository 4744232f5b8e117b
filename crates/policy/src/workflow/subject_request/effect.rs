//! The effects of a step about the request of a data subject, and their log entries.

use tlog::entry::{self, SubjectStep};

use super::{Event, Owner, Request};
use crate::{
    id::{SubjectRequestId, TenantId},
    workflow::{Logged, Statement},
};

/// A change that a step makes.
#[derive(Debug, PartialEq, Eq)]
pub struct Effect {
    id: SubjectRequestId,
    tenant: TenantId,
    step: SubjectStep,
    by: Owner,
    details: Statement,
    due_ms: Option<u64>,
}

impl Effect {
    pub(super) fn of((id, request): (SubjectRequestId, &Request), by: Owner, event: Event) -> Self {
        let due_ms = Some(request.due_ms);
        let (step, details, due_ms) = match event {
            Event::Receive { kind, reference, .. } => {
                let text = format!("kind={} {}", kind.name(), reference.text());
                let details = Statement::made(text, *reference.salt());
                (SubjectStep::Received, details, due_ms)
            }
            Event::Begin { note } => (SubjectStep::Begun, note, None),
            Event::Extend { reason } => (SubjectStep::Extended, reason, due_ms),
            Event::Answer { note } => (SubjectStep::Answered, note, None),
            Event::Refuse { reason } => (SubjectStep::Refused, reason, None),
        };
        Self { id, tenant: request.tenant, step, by, details, due_ms }
    }
}

impl Logged for Effect {
    fn log(&self) -> entry::Event {
        entry::Event::SubjectRequest {
            request: self.id,
            tenant: self.tenant,
            step: self.step,
            by: self.by.commitment(),
            details: self.details.commitment(),
            due_ms: self.due_ms,
        }
    }

    fn statements(&self) -> Vec<&Statement> {
        vec![self.by.statement(), &self.details]
    }
}
