//! Personal data in requests: the decision and the findings, for the receipt, and the detectors.
//!
//! Nothing here holds content, except the detectors: they have the operator's own words.

pub(crate) mod ner;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use policy::personal::{
    Counts, Decided, Decider, Detector, Kind, Mode, NoDetector, Setting, Shielded, Tally,
};
use tlog::receipt::{KindCount, Personal, PersonalFound};

/// The most detectors that are kept. Each belongs to a combination of settings.
const DETECTORS_MAX: usize = 64;

/// The detectors of the settings in use. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detectors(Arc<Mutex<Built>>);

/// Detectors with the settings that they were built for.
type Built = Vec<(Setting, Arc<Detector>)>;

impl Detectors {
    /// Returns the detector of a setting; `None` if nothing is looked for.
    ///
    /// # Errors
    /// If it cannot be built: then nothing goes on. Settings are checked when they are made.
    pub(crate) fn of(
        &self,
        setting: Option<&Setting>,
    ) -> Result<Option<Arc<Detector>>, NoDetector> {
        let Some(setting) = setting else { return Ok(None) };
        let same = |known: &Setting| known.kinds == setting.kinds && known.terms == setting.terms;
        // A list is whole whenever the lock is free, so a poisoned lock is safe to use.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, detector)) = known.iter().find(|(known, _)| same(known)) {
            return Ok(Some(Arc::clone(detector)));
        }
        let built = setting.detector().map_err(|error| {
            tracing::error!(%error, "the detector of personal data cannot be built");
            NoDetector::Broken
        })?;
        let detector = Arc::new(built);
        if known.len() >= DETECTORS_MAX {
            known.clear();
        }
        known.push((setting.clone(), Arc::clone(&detector)));
        Ok(Some(detector))
    }
}

/// The decision and the findings about the personal data of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// The strictest decision so far.
    decided: Option<Decided>,
    /// Findings of the present attempt, and the most in one before.
    now: BTreeMap<Kind, u64>,
    before: BTreeMap<Kind, u64>,
    unseen: bool,
    tallies: Vec<Arc<Tally>>,
}

impl Record {
    /// Notes that the same request is tried again, so that nothing is counted twice.
    pub(crate) fn again(&mut self) {
        for (kind, values) in std::mem::take(&mut self.now) {
            let before = self.before.entry(kind).or_default();
            *before = values.max(*before);
        }
    }

    /// Notes a part of the request that goes on.
    pub(crate) fn goes_on<T>(&mut self, shielded: &Shielded<T>) {
        self.note(&shielded.decided, &shielded.counts);
        self.unseen |= shielded.unseen;
        self.tallies.extend(shielded.vault.as_ref().map(policy::personal::Vault::tally));
    }

    /// Notes a decision, and the findings.
    pub(crate) fn note(&mut self, decided: &Decided, counts: &Counts) {
        if self.decided.as_ref().is_none_or(|known| decided.mode > known.mode) {
            self.decided = Some(decided.clone());
        }
        for (kind, values) in counts.iter() {
            let own = self.now.entry(kind).or_default();
            *own = own.saturating_add(values);
        }
    }

    /// Returns how many values of each kind were found.
    pub(crate) fn found(&self) -> BTreeMap<Kind, u64> {
        let mut found = self.clone();
        found.again();
        found.before
    }

    /// Returns how many placeholders were restored, and how many were unsure.
    pub(crate) fn restored(&self) -> (u64, u64) {
        let sum = |of: fn(&Tally) -> u64| {
            self.tallies.iter().fold(0, |sum: u64, tally| sum.saturating_add(of(tally)))
        };
        (sum(Tally::restored), sum(Tally::unsure))
    }

    /// Returns the mode, if a decision was made.
    pub(crate) fn mode(&self) -> Option<Mode> {
        self.decided.as_ref().map(|decided| decided.mode)
    }

    /// Returns the claims of the receipt; `None` for a request that stayed inside the boundary, and
    /// whose resource asks for nothing.
    pub(crate) fn claims(&self) -> Option<(Personal, PersonalFound)> {
        let decided = self.decided.as_ref()?;
        let processor = match &decided.by {
            Decider::Inside => return None,
            Decider::Resource => None,
            Decider::Processor(name) => Some(name.clone()),
        };
        let mut kinds: Vec<_> = self
            .found()
            .into_iter()
            .map(|(kind, values)| KindCount { kind: kind.name().to_owned(), values })
            .collect();
        kinds.sort_by(|a, b| a.kind.cmp(&b.kind));
        let (restored, unsure) = self.restored();
        let handling = store::handling(decided.mode);
        let found = PersonalFound { kinds, restored, unsure, unseen: self.unseen };
        Some((Personal { handling, processor }, found))
    }
}

#[cfg(test)]
mod tests;
