//! Objects that a customer asks the service to keep: responses, files, batches, adapters.
//!
//! An object belongs to the principal that made it. Others of the same resource get it only if the
//! owner shared it. [`keep`] decides whether a resource may keep an object at all, and until when.

use serde::{Deserialize, Serialize};
pub use tlog::object::{Class, Classes};

use crate::{
    id::{ApprovalId, PersonId, TenantId, WorkloadId},
    principal::{KeyName, Principal},
    retention::{DAY_MS, Rule},
};

/// The principal that an object belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Owner {
    /// One of the resource's two keys.
    Key(KeyName),
    /// A person.
    Person(PersonId),
    /// A program with its own identity.
    Workload(WorkloadId),
}

impl Owner {
    /// Returns the principal as the owner of new objects.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        match principal {
            Principal::Key(key) => Self::Key(key.key()),
            Principal::Person(person) => Self::Person(person.id()),
            Principal::Workload(workload) => Self::Workload(workload.id()),
        }
    }
}

/// Permission to keep one object of a tenant, until a time. Only [`keep`] makes one, and beginning an
/// object consumes it.
///
/// ```compile_fail,E0451
/// use policy::object::Keep;
/// let forged = Keep { tenant: todo!(), class: todo!(), until_ms: None };
/// ```
#[derive(Debug)]
#[must_use = "an object that is to be kept must be begun"]
pub struct Keep {
    tenant: TenantId,
    class: Class,
    until_ms: Option<u64>,
}

impl Keep {
    /// Returns the tenant that owns the object.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Returns the object's class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns the time from which the object is unrecoverable, in milliseconds since 1970; `None`
    /// until its owner deletes it.
    #[must_use]
    pub fn until_ms(&self) -> Option<u64> {
        self.until_ms
    }
}

/// The resource is under zero retention, and its approval does not allow objects of this class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is under zero retention, and its approval does not allow a {class}")]
pub struct NotKept {
    /// The class.
    pub class: Class,
    /// The approval.
    pub approval: Option<ApprovalId>,
}

/// The longest time that responses, conversations and stored completions are kept, in days.
pub const STATE_DAYS_MAX: u64 = 30;

/// Decides whether a resource keeps an object, and until when. `wanted_ms` is the end that the
/// customer asks for, in milliseconds since 1970.
///
/// # Errors
/// [`NotKept`] under zero retention, unless the approval names the class.
pub fn keep(
    rule: &Rule,
    class: Class,
    wanted_ms: Option<u64>,
    now_ms: u64,
) -> Result<Keep, NotKept> {
    let logging = &rule.content_logging;
    if !logging.keeps(now_ms) && !logging.keeps.contains(class) {
        return Err(NotKept { class, approval: rule.content_logging.approval });
    }
    let until_ms = match (latest_ms(class, now_ms), wanted_ms) {
        (Some(latest_ms), Some(wanted_ms)) => Some(wanted_ms.min(latest_ms)),
        (latest_ms, wanted_ms) => latest_ms.or(wanted_ms),
    };
    Ok(Keep { tenant: rule.tenant, class, until_ms })
}

/// Returns the latest end of an object that was made at a time; `None` for classes that are kept until
/// their owner deletes them.
#[must_use]
pub fn latest_ms(class: Class, made_ms: u64) -> Option<u64> {
    match class {
        Class::Response | Class::Conversation | Class::Item | Class::Completion => {
            Some(made_ms.saturating_add(STATE_DAYS_MAX.saturating_mul(DAY_MS)))
        }
        Class::File
        | Class::Upload
        | Class::Part
        | Class::Batch
        | Class::Job
        | Class::Adapter
        | Class::Checkpoint => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{ContentLogging, Days};

    #[test]
    fn state_ends_after_thirty_days_and_files_when_their_owner_says() {
        let logging = ContentLogging::ON;
        let tenant = TenantId::from_random([1; 16]);
        let rule = Rule { tenant, days: Days::DEFAULT, content_logging: logging };
        let until = |class, wanted_ms| keep(&rule, class, wanted_ms, 1000).unwrap().until_ms();
        let latest = 1000 + 30 * DAY_MS;
        for class in [Class::Response, Class::Conversation, Class::Item, Class::Completion] {
            assert_eq!(until(class, None), Some(latest));
            assert_eq!(until(class, Some(2000)), Some(2000));
            assert_eq!(until(class, Some(u64::MAX)), Some(latest));
        }
        assert_eq!(until(Class::File, None), None);
        assert_eq!(until(Class::File, Some(latest * 2)), Some(latest * 2));
    }

    #[test]
    fn under_zero_retention_nothing_is_kept() {
        let logging = ContentLogging { enabled: false, ..ContentLogging::ON };
        let tenant = TenantId::from_random([1; 16]);
        let rule = Rule { tenant, days: Days::DEFAULT, content_logging: logging };
        for class in Class::ALL {
            assert_eq!(keep(&rule, class, None, 5).unwrap_err().class, class);
        }
    }
}
