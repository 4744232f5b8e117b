//! The pages that people check the service with: the state of each promise, the receipt checker and
//! the log in words. The crate `pages` has their texts and templates; this module fills them.
//!
//! The states come from checks that run all the time ([`watches`]) and read what the service has
//! already. A page waits for no check: it shows the last answers with their times.

mod answer;
mod checks;
mod explore;
mod history;
mod home;
mod replay;
mod seen;
mod watch;

use std::{path::Path, sync::Arc};

use engine::protocol::Confinement;
use pages::trust::{Change, Check, Found, Promise, State, states};
use parking_lot::RwLock;
use tlog::note::Verifier;

use self::history::History;
pub(crate) use self::{
    answer::answer,
    seen::{Seen, ask_for_key, with_basic_key},
    watch::watches,
};
use crate::operations::Outward;

/// What the checks found, and the parts of the service that the pages show. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The key that signs the log and receipts.
    key: Verifier,
    outward: Outward,
    /// The confinement of this process.
    confinement: Confinement,
    /// The last answer of each check.
    found: RwLock<Vec<Found>>,
    history: RwLock<History>,
}

impl Trust {
    /// Begins without answers; reads the earlier changes of states in the data directory.
    #[must_use]
    pub(crate) fn open(
        data: &Path,
        key: Verifier,
        outward: Outward,
        confinement: Confinement,
    ) -> Self {
        let history = RwLock::new(History::read(data));
        Self(Arc::new(Inner { key, outward, confinement, found: RwLock::default(), history }))
    }

    /// Takes in the answer of a check, and notes the promises whose state it changes.
    fn take(&self, found: Found, now_ms: u64) {
        let states = {
            let mut all = self.0.found.write();
            all.retain(|other| other.check != found.check);
            all.push(found);
            // Until each check has answered once, a state says more about the start than about a
            // promise.
            if !CHECKS.iter().all(|check| all.iter().any(|found| found.check == *check)) {
                return;
            }
            states(&all, now_ms)
        };
        let now = Promise::ALL.into_iter().zip(states);
        if let Err(error) = self.0.history.write().note(now, now_ms) {
            tracing::error!(%error, "the history of the promises' states cannot be written");
        }
    }

    /// Returns the last answers of the checks.
    fn found(&self) -> Vec<Found> {
        self.0.found.read().clone()
    }

    /// Returns the changes of states, the oldest first.
    fn changes(&self) -> Vec<Change> {
        self.0.history.read().changes().to_vec()
    }
}

/// The checks that run here.
const CHECKS: [Check; 6] = [
    Check::Replay,
    Check::Deadlines,
    Check::Policies,
    Check::Confinement,
    Check::Egress,
    Check::Witnesses,
];

/// A state that is worth a line in the operator's log.
fn is_alarming(state: State) -> bool {
    matches!(state, State::Broken | State::NotKept)
}
