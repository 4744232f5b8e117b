//! Checks the ends of kept objects: each is destroyed once.

use alloc::{format, vec::Vec};

use super::{Finding, Found, Report};
use crate::{
    entry::Event,
    id::{ObjectId, TenantId},
    object::{Class, Why},
    receipt::{Verified, Written},
};

/// The end of an object, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed {
    /// The number of the entry.
    pub index: u64,
    /// The time of the entry.
    pub time_ms: u64,
    /// The object's class.
    pub class: Class,
    /// The object's tenant.
    pub tenant: TenantId,
    /// The reason.
    pub why: Why,
}

impl Report {
    /// Notes the end of an object.
    pub(super) fn note_object(
        &mut self,
        (index, time_ms): (u64, u64),
        event: &Event,
        found: &mut Found,
    ) {
        let Event::ObjectDestroyed { object, class, tenant, why } = *event else { return };
        if self.objects.contains_key(&object) {
            found.wrong(format!("{object} was destroyed before"));
            return;
        }
        self.objects.insert(object, Destroyed { index, time_ms, class, tenant, why });
    }

    /// Compares the objects that a receipt names with the log.
    pub(super) fn objects_of(&self, receipt: &Verified) -> Vec<Finding> {
        let (terms, facts) = (&receipt.claims.terms, &receipt.claims.facts);
        let wrong = |written: &Written| {
            let end = self.end_of(written.object);
            let what = match end {
                None if written.destroyed => "is destroyed in the receipt, and not in the log",
                Some(end) if end.tenant != terms.tenant => "is another tenant's in the log",
                Some(end) if end.class != written.class => "has another class in the log",
                Some(end) if written.destroyed && end.index >= receipt.index => {
                    "was destroyed only after the receipt says so"
                }
                Some(end) if !written.destroyed && end.index < receipt.index => {
                    "was destroyed before the receipt says that it was written"
                }
                _ => return None,
            };
            let what = format!("the receipt's {} {what}", written.object);
            Some(Finding { index: Some(receipt.index), what })
        };
        facts.objects.iter().flatten().filter_map(wrong).collect()
    }

    /// Returns the end of an object, if the log has it.
    #[must_use]
    pub fn end_of(&self, object: ObjectId) -> Option<&Destroyed> {
        self.objects.get(&object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destroyed(object: u8) -> Event {
        Event::ObjectDestroyed {
            object: ObjectId::from_random([object; 16]),
            class: Class::File,
            tenant: TenantId::from_random([1; 16]),
            why: Why::Expired,
        }
    }

    #[test]
    fn an_object_is_destroyed_once() {
        let mut report = Report::default();
        let mut found = Found::default();
        report.note_object((0, 5), &destroyed(1), &mut found);
        report.note_object((1, 6), &destroyed(2), &mut found);
        assert!(found.wrong.is_empty());
        report.note_object((2, 7), &destroyed(1), &mut found);
        assert_eq!(found.wrong.len(), 1);
        let end = report.end_of(ObjectId::from_random([1; 16])).unwrap();
        assert_eq!((end.index, end.why), (0, Why::Expired));
    }
}
