//! The views of a penalty: for the resource's owner, and for the operator's people in charge of
//! penalties and appeals.

use serde::{Deserialize, Serialize};

use super::{Action, Appeal, Heard, Penalty, State};
use crate::id::{PersonId, ResourceId};

/// A resource's `abusePenalty`, with Azure's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbusePenalty {
    /// `action`: `Throttle` or `Block`.
    pub action: &'static str,
    /// `rateLimitPercentage`, for a throttle.
    pub rate_limit_percentage: Option<u8>,
    /// `expiration`: milliseconds since 1970; on the wire in ISO 8601.
    pub expires_ms: u64,
}

/// An active penalty with all details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenaltyView<'a> {
    /// The penalty in Azure's form.
    pub shown: AbusePenalty,
    /// The time when it was imposed.
    pub since_ms: u64,
    /// The reason for the penalty.
    pub reason: &'a str,
    /// The operator's persons with a part in it. Only the operator may see them.
    pub imposed_by: &'a [PersonId],
    /// The appeal, if there is one.
    pub appeal: Option<AppealView<'a>>,
}

/// An appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppealView<'a> {
    /// The appealing person at the customer.
    pub person: PersonId,
    /// The time of the appeal.
    pub at_ms: u64,
    /// The reason for the appeal.
    pub reason: &'a str,
    /// The time and the reason of the result that keeps the penalty; `None` while the appeal is
    /// open.
    pub heard: Option<(u64, &'a str)>,
}

/// The kind of a notice to a resource's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A notice of abuse, which the owner can explain or correct.
    Notified,
    /// Fewer requests are served.
    Throttled,
    /// No requests are served.
    Blocked,
    /// The appeal was heard and the penalty stays.
    Upheld,
    /// The penalty was lifted.
    Lifted,
}

/// A notice to a resource's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeView<'a> {
    /// The kind of the notice.
    pub told: NoticeKind,
    /// The time of the notice.
    pub at_ms: u64,
    /// The reason that the notice gives.
    pub reason: &'a str,
}

impl State {
    /// Returns the resource.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// Returns the active penalty.
    #[must_use]
    pub fn penalty(&self, now_ms: u64) -> Option<PenaltyView<'_>> {
        let Penalty { action, since_ms, expires_ms, reason, imposed_by, appeal } =
            self.in_force(now_ms)?;
        let (action, rate_limit_percentage) = match action {
            Action::Throttle(left) => ("Throttle", Some(left.get())),
            Action::Block => ("Block", None),
        };
        Some(PenaltyView {
            shown: AbusePenalty { action, rate_limit_percentage, expires_ms: *expires_ms },
            since_ms: *since_ms,
            reason: reason.text(),
            imposed_by,
            appeal: appeal.as_ref().map(Appeal::view),
        })
    }

    /// Returns the active penalty in Azure's form.
    #[must_use]
    pub fn abuse_penalty(&self, now_ms: u64) -> Option<AbusePenalty> {
        self.penalty(now_ms).map(|penalty| penalty.shown)
    }

    /// Returns the notices to the owner, oldest first.
    pub fn notices(&self) -> impl Iterator<Item = NoticeView<'_>> {
        self.notices.iter().map(|notice| NoticeView {
            told: notice.told,
            at_ms: notice.at_ms,
            reason: notice.reason.text(),
        })
    }
}

impl Appeal {
    fn view(&self) -> AppealView<'_> {
        let heard = self.heard.as_ref().map(|Heard { at_ms, reason }| (*at_ms, reason.text()));
        AppealView { person: self.person, at_ms: self.at_ms, reason: self.reason.text(), heard }
    }
}
