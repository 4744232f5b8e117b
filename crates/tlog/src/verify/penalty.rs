//! Checks the penalties in the log. Each has an end, a person is responsible for each block, and an
//! appeal is heard once, by a person without a part in the penalty.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::Found;
use crate::{
    entry::{Event, PenaltyAction},
    id::{PersonId, ResourceId},
    limits::{PENALTY_AUTOMATIC_MS_MAX, PENALTY_MS_MAX},
};

/// Resources under a penalty.
#[derive(Debug, Default)]
pub(super) struct Penalties(BTreeMap<ResourceId, Penalty>);

#[derive(Debug)]
struct Penalty {
    expires_ms: u64,
    /// Every person with a part in the penalty.
    imposed_by: Vec<PersonId>,
    appeal: Appeal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appeal {
    None,
    Open,
    Heard,
}

impl Penalties {
    pub(super) fn entry(&mut self, now_ms: u64, event: &Event, found: &mut Found) {
        let Event::Penalised { resource, action, expires_ms, person, .. } = event else { return };
        let resource = ResourceId::from_random(*resource);
        if self.0.get(&resource).is_some_and(|penalty| now_ms >= penalty.expires_ms) {
            self.0.remove(&resource);
        }
        let wrong = match action {
            PenaltyAction::Notified => None,
            PenaltyAction::Throttled | PenaltyAction::Blocked => {
                let blocks = *action == PenaltyAction::Blocked;
                self.imposed(now_ms, resource, (blocks, *expires_ms), *person)
            }
            PenaltyAction::Appealed => self.appealed(resource, *person),
            PenaltyAction::Upheld => self.upheld(resource, *expires_ms, *person),
            PenaltyAction::Lifted => match (self.0.remove(&resource), person) {
                (None, _) => Some("was lifted, but there was none"),
                (Some(_), None) => Some("was lifted without a person"),
                (Some(_), Some(_)) => None,
            },
        };
        if let Some(wrong) = wrong {
            found.wrong(format!("a penalty of {resource} {wrong}"));
        }
    }

    fn imposed(
        &mut self,
        now_ms: u64,
        resource: ResourceId,
        (blocks, expires_ms): (bool, Option<u64>),
        person: Option<PersonId>,
    ) -> Option<&'static str> {
        let Some(expires_ms) = expires_ms else { return Some("has no end") };
        let lasts_ms = expires_ms.saturating_sub(now_ms);
        let before = self.0.remove(&resource);
        let decided = before.as_ref().is_some_and(|before| !before.imposed_by.is_empty());
        let wrong = match person {
            _ if lasts_ms == 0 => Some("ends before it begins"),
            _ if lasts_ms > PENALTY_MS_MAX => Some("lasts more than 90 days"),
            None if blocks => Some("blocks without a responsible person"),
            None if lasts_ms > PENALTY_AUTOMATIC_MS_MAX => {
                Some("lasts more than a day without a responsible person")
            }
            None if decided => Some("replaces a person's decision without a person"),
            None | Some(_) => None,
        };
        // An appeal stays open, and earlier participants still may not hear it.
        let open = before.filter(|before| before.appeal == Appeal::Open);
        let appeal = open.as_ref().map_or(Appeal::None, |open| open.appeal);
        let mut imposed_by = open.map_or_else(Vec::new, |open| open.imposed_by);
        imposed_by.extend(person);
        self.0.insert(resource, Penalty { expires_ms, imposed_by, appeal });
        wrong
    }

    fn appealed(&mut self, resource: ResourceId, person: Option<PersonId>) -> Option<&'static str> {
        let Some(penalty) = self.0.get_mut(&resource) else {
            return Some("was appealed, but there was none");
        };
        if penalty.appeal != Appeal::None {
            return Some("was appealed twice");
        }
        penalty.appeal = Appeal::Open;
        person.is_none().then_some("was appealed without a person")
    }

    fn upheld(
        &mut self,
        resource: ResourceId,
        expires_ms: Option<u64>,
        person: Option<PersonId>,
    ) -> Option<&'static str> {
        let open = self.0.get_mut(&resource).filter(|penalty| penalty.appeal == Appeal::Open);
        let Some(penalty) = open else { return Some("was upheld, but no appeal was open") };
        penalty.appeal = Appeal::Heard;
        match person {
            None => Some("was upheld without a person"),
            Some(person) if penalty.imposed_by.contains(&person) => {
                Some("was upheld by a person who had a part in it")
            }
            Some(_) if expires_ms != Some(penalty.expires_ms) => {
                Some("was upheld with another end date")
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
