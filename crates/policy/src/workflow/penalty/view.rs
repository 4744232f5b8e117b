//! What is shown of a penalty: to the resource's owner, and to those who impose and hear.

use serde::{Deserialize, Serialize};

use super::{Action, Appeal, Heard, Penalty, State};
use crate::id::{PersonId, ResourceId};

/// A resource's `abusePenalty`, with the fields of Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbusePenalty {
    /// `action`: `Throttle` or `Block`.
    pub action: &'static str,
    /// `rateLimitPercentage`, where it throttles.
    pub rate_limit_percentage: Option<u8>,
    /// `expiration`: milliseconds since 1970; on the wire in ISO 8601.
    pub expires_ms: u64,
}

/// A penalty in force, with all that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenaltyView<'a> {
    /// As Azure shows it.
    pub shown: AbusePenalty,
    /// Since when.
    pub since_ms: u64,
    /// Why.
    pub reason: &'a str,
    /// Who had a part in it, of the operator's: for their eyes only.
    pub imposed_by: &'a [PersonId],
    /// The appeal, where there was one.
    pub appeal: Option<AppealView<'a>>,
}

/// An appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppealView<'a> {
    /// Who appealed, of the customer's.
    pub person: PersonId,
    /// When.
    pub at_ms: u64,
    /// Why.
    pub reason: &'a str,
    /// When it was heard, and why the penalty stays; none as long as it waits.
    pub heard: Option<(u64, &'a str)>,
}

/// What a resource's owner was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Of abuse: they can explain or mend it.
    Notified,
    /// That fewer requests are served.
    Throttled,
    /// That none are served.
    Blocked,
    /// That the appeal was heard and the penalty stays.
    Upheld,
    /// That the penalty was lifted.
    Lifted,
}

/// Something that a resource's owner was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeView<'a> {
    /// What.
    pub told: Told,
    /// When.
    pub at_ms: u64,
    /// Why.
    pub reason: &'a str,
}

impl State {
    /// Whose it is.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// The penalty in force.
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

    /// The penalty in force, as Azure shows it.
    #[must_use]
    pub fn abuse_penalty(&self, now_ms: u64) -> Option<AbusePenalty> {
        self.penalty(now_ms).map(|penalty| penalty.shown)
    }

    /// What the owner was told, the latest last.
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
