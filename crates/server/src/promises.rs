//! The answers of the checks that run all the time, and the history of the promises' states. The
//! module `trust` makes the checks and shows the answers.

pub(crate) mod answers;
pub(crate) mod history;

use std::{path::Path, sync::Arc};

use egress::Egress;
use engine::protocol::Confinement;
use pages::trust::{Change, Check, Found, Promise, states};
use parking_lot::{Mutex, RwLock};
use tlog::note::Verifier;

use self::{answers::Saved, history::History};
use crate::cosigners::Witnesses;

/// The answers of the checks, and the parts of the service that only the checks and pages read.
/// Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Promises {
    /// The key that signs the log and receipts.
    pub key: Verifier,
    /// The list of destinations, with its counters.
    pub egress: Egress,
    /// The log's witnesses.
    pub witnesses: Arc<Witnesses>,
    /// The confinement of this process.
    pub confinement: Arc<Confinement>,
    answers: Arc<Answers>,
}

#[derive(Debug)]
struct Answers {
    /// The last answer of each check.
    found: RwLock<Vec<Found>>,
    history: RwLock<History>,
    saved: Mutex<Saved>,
}

impl Promises {
    /// Begins without answers; reads the earlier changes of states in the data directory.
    #[must_use]
    pub(crate) fn open(
        data: &Path,
        key: Verifier,
        (egress, witnesses): (Egress, Arc<Witnesses>),
        confinement: Confinement,
    ) -> Self {
        let history = RwLock::new(History::read(data));
        let saved = Mutex::new(Saved::new(data));
        let answers = Arc::new(Answers { found: RwLock::default(), history, saved });
        Self { key, egress, witnesses, confinement: Arc::new(confinement), answers }
    }

    /// Takes in the answer of a check, and notes the promises whose state it changes. May block.
    pub(crate) fn take(&self, found: Found, now_ms: u64) {
        let states = {
            let mut all = self.answers.found.write();
            all.retain(|other| other.check != found.check);
            all.push(found);
            // Until each check has answered once, a state says more about the start than about a
            // promise.
            if !Check::ALL.iter().all(|check| all.iter().any(|found| found.check == *check)) {
                return;
            }
            states(&all, now_ms)
        };
        let now = Promise::ALL.into_iter().zip(states);
        if let Err(error) = self.answers.history.write().note(now, now_ms) {
            tracing::error!(%error, "the history of the promises' states cannot be written");
        }
    }

    /// Writes the last answers for `bailiwick evidence`, if they changed or are a minute old. May block.
    pub(crate) fn save(&self, now_ms: u64) {
        if let Err(error) = self.answers.saved.lock().save(&self.found(), now_ms) {
            tracing::error!(%error, "the answers of the checks cannot be written");
        }
    }

    /// Returns the last answers of the checks.
    #[must_use]
    pub(crate) fn found(&self) -> Vec<Found> {
        self.answers.found.read().clone()
    }

    /// Returns the changes of states, the oldest first.
    #[must_use]
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.answers.history.read().changes().to_vec()
    }
}
