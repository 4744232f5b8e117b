//! The permitted steps about the request of a data subject, which [`super::step`] takes.

use super::{Event, Kind, Owner};
use crate::{
    id::{SubjectRequestId, TenantId},
    permit::{FindSubject, Permit},
    workflow::Statement,
};

/// A step that may be taken. It is made from its permit, which names the tenant.
///
/// ```compile_fail,E0451
/// use policy::workflow::subject_request::Allowed;
/// let forged = Allowed { id: todo!(), tenant: todo!(), by: todo!(), event: todo!() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit is already spent; take the step"]
pub struct Allowed {
    id: SubjectRequestId,
    tenant: TenantId,
    by: Owner,
    event: Event,
}

impl Allowed {
    /// Receives a request of this kind. `reference` is the officer's own reference to it, and must
    /// not name the data subject. The deadline counts from `received_ms`, or
    /// from now.
    pub fn receive(
        permit: Permit<FindSubject>,
        (id, by): (SubjectRequestId, Owner),
        (kind, reference): (Kind, Statement),
        received_ms: Option<u64>,
    ) -> Self {
        Self::new(permit, (id, by), Event::Receive { kind, reference, received_ms })
    }

    /// Begins work on a request.
    pub fn begin(
        permit: Permit<FindSubject>,
        of: (SubjectRequestId, Owner),
        note: Statement,
    ) -> Self {
        Self::new(permit, of, Event::Begin { note })
    }

    /// Extends the deadline by two months, with the reason that the data subject got.
    pub fn extend(
        permit: Permit<FindSubject>,
        of: (SubjectRequestId, Owner),
        reason: Statement,
    ) -> Self {
        Self::new(permit, of, Event::Extend { reason })
    }

    /// Ends a request that was answered.
    pub fn answer(
        permit: Permit<FindSubject>,
        of: (SubjectRequestId, Owner),
        note: Statement,
    ) -> Self {
        Self::new(permit, of, Event::Answer { note })
    }

    /// Ends a request that is refused, with the reason that the data subject got.
    pub fn refuse(
        permit: Permit<FindSubject>,
        of: (SubjectRequestId, Owner),
        reason: Statement,
    ) -> Self {
        Self::new(permit, of, Event::Refuse { reason })
    }

    fn new(permit: Permit<FindSubject>, (id, by): (SubjectRequestId, Owner), event: Event) -> Self {
        Self { id, tenant: permit.spend().tenant, by, event }
    }

    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> SubjectRequestId {
        self.id
    }

    pub(super) fn into_parts(self) -> (SubjectRequestId, TenantId, Owner, Event) {
        (self.id, self.tenant, self.by, self.event)
    }
}
