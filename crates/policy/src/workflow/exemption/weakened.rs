//! The proof that a resource may have a weak content filter now.

use super::{Kind, State};
use crate::id::{ApprovalId, ResourceId};

/// An approval of a weaker content filter is in force. Only [`State::weakened`] makes one, from the
/// state at a time, so hold it no longer than the decision takes:
///
/// ```compile_fail,E0451
/// use policy::workflow::exemption::Weakened;
/// let forged = Weakened { resource: todo!(), approval: todo!(), until_ms: u64::MAX };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "without it, a filter below the operator's floor is refused"]
pub struct Weakened {
    resource: ResourceId,
    approval: ApprovalId,
    until_ms: u64,
}

impl Weakened {
    /// Returns the resource whose filters may be weaker.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// Returns the approval.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns the time when the approval ends by its date. It may be withdrawn before.
    #[must_use]
    pub fn until_ms(&self) -> u64 {
        self.until_ms
    }
}

impl State {
    /// Returns the proof that the resource's filters may be weaker than the operator requires, if an
    /// approval for that is in force now. An approval of zero retention is none.
    #[must_use]
    pub fn weakened(&self, now_ms: u64) -> Option<Weakened> {
        let approval = self.in_force.as_ref().filter(|approval| now_ms < approval.until_ms)?;
        let (approval, until_ms) = (approval.approval, approval.until_ms);
        let holds = self.kind == Kind::ContentFilter;
        holds.then_some(Weakened { resource: self.resource, approval, until_ms })
    }
}
