//! What running work uses: the files of batches and jobs, and uploads that are being completed.
//!
//! Only in memory: work that goes on after a restart notes its files again.

use std::sync::Arc;

use parking_lot::Mutex;
use policy::id::ObjectId;

/// The objects that are in use; clones are the same table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses(Arc<Mutex<Vec<(ObjectId, &'static str)>>>);

/// The use of one object; it ends when the value is dropped.
#[derive(Debug)]
#[must_use = "the object is in use only while this value lives"]
pub(crate) struct Use {
    uses: Uses,
    object: ObjectId,
    by: &'static str,
}

impl Uses {
    /// Notes that an object is used by `by`, such as `batch`. Several may use it at once.
    pub(crate) fn hold(&self, object: ObjectId, by: &'static str) -> Use {
        self.0.lock().push((object, by));
        Use { uses: self.clone(), object, by }
    }

    /// As [`Self::hold`], but `None` if the object is in use already.
    pub(crate) fn alone(&self, object: ObjectId, by: &'static str) -> Option<Use> {
        let mut table = self.0.lock();
        if table.iter().any(|(used, _)| *used == object) {
            return None;
        }
        table.push((object, by));
        Some(Use { uses: self.clone(), object, by })
    }

    /// Returns the work that uses an object, if any.
    #[must_use]
    pub(crate) fn of(&self, object: ObjectId) -> Option<&'static str> {
        self.0.lock().iter().find(|(used, _)| *used == object).map(|(_, by)| *by)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut table = self.uses.0.lock();
        let place = table.iter().position(|(used, by)| *used == self.object && *by == self.by);
        if let Some(place) = place {
            table.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_in_use_while_a_use_lives() {
        let uses = Uses::default();
        let [one, other] = [1, 2].map(|n| ObjectId::from_random([n; 16]));
        let first = uses.hold(one, "batch");
        let second = uses.hold(one, "batch");
        assert_eq!((uses.of(one), uses.of(other)), (Some("batch"), None));
        assert!(uses.alone(one, "completion").is_none());
        drop(first);
        assert_eq!(uses.of(one), Some("batch"));
        drop(second);
        assert_eq!(uses.of(one), None);
        let alone = uses.alone(one, "completion").unwrap();
        assert!(uses.alone(one, "completion").is_none());
        drop(alone);
        assert!(uses.alone(one, "completion").is_some());
    }
}
