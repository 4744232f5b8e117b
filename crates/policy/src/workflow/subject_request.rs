//! The requests of data subjects: for access, erasure, restriction, or as an objection. The data
//! protection officer of the customer answers each within a month. The officer may extend that once
//! by two months, with the reason (Art. 12(3) GDPR).
//!
//! A request has the officer's reference, such as the number of a letter or ticket, and not the name
//! of the data subject.

mod allowed;
mod effect;
mod month;
mod refused;
mod view;

use serde::{Deserialize, Serialize};

pub use allowed::Allowed;
pub use effect::Effect;
pub use month::months_after;
pub use refused::Refused;
pub use view::{RequestView, Urgency};

use super::{Statement, owner::Owner};
use crate::id::{SubjectRequestId, TenantId};

/// Months until the answer.
pub const MONTHS: u32 = 1;

/// Months by which the deadline can be extended, once.
pub const MONTHS_MORE: u32 = 2;

/// Kind of a data subject's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Access to the data (Art. 15), also to take it elsewhere (Art. 20).
    Access,
    /// Erasure (Art. 17).
    Erasure,
    /// Restriction of processing (Art. 18).
    Restriction,
    /// Objection to processing (Art. 21).
    Objection,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Access, Self::Erasure, Self::Restriction, Self::Objection];

    /// Returns the kind's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Erasure => "erasure",
            Self::Restriction => "restriction",
            Self::Objection => "objection",
        }
    }
}

/// How far the answer to a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing was done yet.
    Received,
    /// Work on it began.
    Begun,
    /// It was answered.
    Answered,
    /// It was refused, with a reason.
    Refused,
}

impl Status {
    /// Returns the status's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Begun => "begun",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }

    /// Returns true if nothing more is to be done.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Answered | Self::Refused)
    }
}

/// The state of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    id: SubjectRequestId,
    request: Option<Request>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    tenant: TenantId,
    kind: Kind,
    /// The officer's reference.
    reference: Statement,
    received_ms: u64,
    due_ms: u64,
    /// The reason for a longer deadline.
    extended: Option<Statement>,
    status: Status,
    /// The reason, if it was refused.
    reason: Option<Statement>,
    ended_ms: Option<u64>,
}

/// An event for a request. Only [`Allowed`] leads to one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// Without a time, it was received now.
    Receive {
        kind: Kind,
        reference: Statement,
        received_ms: Option<u64>,
    },
    Begin {
        note: Statement,
    },
    Extend {
        reason: Statement,
    },
    Answer {
        note: Statement,
    },
    Refuse {
        reason: Statement,
    },
}

impl State {
    /// Returns the state before a request is received.
    #[must_use]
    pub fn of(id: SubjectRequestId) -> Self {
        Self { id, request: None }
    }

    /// Returns the time at which the request must be answered, while it is open.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.request.as_ref().filter(|request| !request.status.is_over()).map(|r| r.due_ms)
    }
}

/// Returns the next state, and the effects of the step.
///
/// # Errors
/// [`Refused`] if the step is not possible now.
pub fn step(state: &State, allowed: Allowed, now_ms: u64) -> Result<(State, Vec<Effect>), Refused> {
    let (id, tenant, by, event) = allowed.into_parts();
    let request = advance(state.request.as_ref(), tenant, &event, now_ms)?;
    let effect = Effect::of((id, &request), by, event);
    Ok((State { id, request: Some(request) }, vec![effect]))
}

fn advance(
    before: Option<&Request>,
    tenant: TenantId,
    event: &Event,
    now_ms: u64,
) -> Result<Request, Refused> {
    if let Event::Receive { kind, reference, received_ms } = event {
        if before.is_some() {
            return Err(Refused::Known);
        }
        let received_ms = received_ms.unwrap_or(now_ms);
        if received_ms > now_ms {
            return Err(Refused::Future);
        }
        return Ok(Request {
            tenant,
            kind: *kind,
            reference: reference.clone(),
            received_ms,
            due_ms: months_after(received_ms, MONTHS),
            extended: None,
            status: Status::Received,
            reason: None,
            ended_ms: None,
        });
    }
    // Another tenant's request looks like a missing one.
    let mut request = before.filter(|r| r.tenant == tenant).ok_or(Refused::Unknown)?.clone();
    if request.status.is_over() {
        return Err(Refused::Over);
    }
    match event {
        Event::Receive { .. } => return Err(Refused::Known),
        Event::Begin { .. } => request.status = Status::Begun,
        Event::Extend { reason } => {
            if request.extended.is_some() {
                return Err(Refused::Extended);
            }
            // The data subject must hear of the extension within the first month.
            if now_ms >= request.due_ms {
                return Err(Refused::TooLate);
            }
            request.due_ms = months_after(request.received_ms, MONTHS + MONTHS_MORE);
            request.extended = Some(reason.clone());
        }
        Event::Answer { .. } => {
            (request.status, request.ended_ms) = (Status::Answered, Some(now_ms))
        }
        Event::Refuse { reason } => {
            (request.status, request.ended_ms) = (Status::Refused, Some(now_ms));
            request.reason = Some(reason.clone());
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
