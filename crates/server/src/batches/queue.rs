//! The state that the runner of batches shares with requests: the batches that tasks work on, and the
//! places for lines.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use policy::{
    authz::facts::{ObjectFacts, ResourceFacts},
    id::{DeploymentId, ObjectId, ResourceId},
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::meters::Meters;

/// A batch that a task works on.
#[derive(Debug)]
struct Working {
    resource: ResourceId,
    cancelled: CancellationToken,
}

/// The runner's state that requests share.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// The deployments' use of the limits of batches in the current minute.
    pub meters: Meters,
    /// Wakes the runner.
    pub(super) news: Notify,
    /// The batches that tasks work on.
    working: Mutex<HashMap<ObjectId, Working>>,
    /// Limits the lines of a deployment that run at once: the limit, and the places that are free.
    turns: Mutex<HashMap<DeploymentId, (usize, Arc<Semaphore>)>>,
}

impl Batches {
    /// Wakes the runner for a new batch.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// Wakes the runner for a batch that was cancelled.
    pub(crate) fn cancel(&self, batch: ObjectId) {
        if let Some(working) = self.working.lock().get(&batch) {
            working.cancelled.cancel();
        }
        self.wake();
    }

    /// Takes a batch to work on; `None` if a task works on it already, or on enough others of its
    /// resource.
    pub(super) fn begin(&self, batch: &ObjectFacts) -> Option<CancellationToken> {
        let &ObjectFacts { object, of: ResourceFacts { resource, .. }, .. } = batch;
        let mut working = self.working.lock();
        let beside = working.values().filter(|working| working.resource == resource).count();
        if working.contains_key(&object) || beside >= OF_RESOURCE_MAX {
            return None;
        }
        let cancelled = CancellationToken::new();
        working.insert(object, Working { resource, cancelled: cancelled.clone() });
        Some(cancelled)
    }

    pub(super) fn end(&self, batch: ObjectId) {
        self.working.lock().remove(&batch);
    }

    /// Returns the places of a deployment: one for each line that may run at once.
    pub(super) fn turns(&self, deployment: DeploymentId, most: usize) -> Arc<Semaphore> {
        let mut turns = self.turns.lock();
        let entry = turns.entry(deployment);
        let entry = entry.or_insert_with(|| (most, Arc::new(Semaphore::new(most))));
        if entry.0 != most {
            // The configuration was changed: lines that run now count for the old limit.
            *entry = (most, Arc::new(Semaphore::new(most)));
        }
        Arc::clone(&entry.1)
    }
}

/// Batches of one resource that are worked on at once.
const OF_RESOURCE_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use policy::{
        id::TenantId,
        object::{Class, Owner},
        principal::KeyName,
    };

    use super::*;

    fn batch(resource: u8, number: u8) -> ObjectFacts {
        let tenant = TenantId::from_random([1; 16]);
        let of = ResourceFacts { tenant, resource: ResourceId::from_random([resource; 16]) };
        let object = ObjectId::from_random([number; 16]);
        let owner = Owner::Key(KeyName::Key1);
        ObjectFacts { of, object, class: Class::Batch, owner, shared: false }
    }

    #[test]
    fn one_task_works_on_a_batch_and_few_on_those_of_a_resource() {
        let batches = Batches::default();
        let first = batches.begin(&batch(1, 1)).unwrap();
        assert!(batches.begin(&batch(1, 1)).is_none(), "another task works on it");
        let more = u8::try_from(OF_RESOURCE_MAX).unwrap();
        for number in 2..=more {
            assert!(batches.begin(&batch(1, number)).is_some());
        }
        assert!(batches.begin(&batch(1, more + 1)).is_none(), "enough of this resource");
        assert!(batches.begin(&batch(2, more + 1)).is_some(), "another resource has its own");
        batches.cancel(batch(1, 2).object);
        assert!(!first.is_cancelled());
        batches.cancel(batch(1, 1).object);
        assert!(first.is_cancelled());
        batches.end(batch(1, 1).object);
        assert!(batches.begin(&batch(1, 1)).is_some());
    }

    #[test]
    fn lines_of_a_deployment_share_its_places() {
        let batches = Batches::default();
        let [one, other] = [1, 2].map(|number| DeploymentId::from_random([number; 16]));
        let turn = batches.turns(one, 1).try_acquire_owned().unwrap();
        assert!(batches.turns(one, 1).try_acquire_owned().is_err());
        assert!(batches.turns(other, 1).try_acquire_owned().is_ok());
        assert!(batches.turns(one, 2).try_acquire_owned().is_ok(), "a new limit counts at once");
        drop(turn);
    }
}
