//! Wakes the tasks that work on jobs when a job is made or its owner changes it. The jobs themselves are kept
//! objects: after a restart, the work goes on from them.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use policy::id::ObjectId;
use tokio::sync::{Notify, watch};

/// The fine-tuning of this process; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tuning(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// A job was made, or changed.
    wake: Notify,
    /// The jobs that are worked on; each hears of changes by its owner.
    working: Mutex<HashMap<ObjectId, watch::Sender<()>>>,
}

/// A job that is worked on. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Working {
    tuning: Tuning,
    job: ObjectId,
    /// Hears when the owner changed the job.
    pub(super) told: watch::Receiver<()>,
}

impl Tuning {
    /// Says that the owner made or changed a job.
    pub(super) fn told(&self, job: ObjectId) {
        if let Some(told) = self.0.working.lock().get(&job) {
            told.send_replace(());
        }
        self.0.wake.notify_waiters();
    }

    /// Waits until a job was made or changed.
    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Says that a job is worked on.
    pub(super) fn working(&self, job: ObjectId) -> Working {
        let (sender, told) = watch::channel(());
        self.0.working.lock().insert(job, sender);
        Working { tuning: self.clone(), job, told }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.tuning.0.working.lock().remove(&self.job);
    }
}
