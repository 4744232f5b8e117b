//! The entries of requests.

use std::collections::BTreeMap;

use policy::retention::DAY_MS;

/// The entries of requests. One bit for each entry says whether it is a request's; the first entry of
/// each day is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests {
    bits: Vec<u64>,
    /// The first entry of a request on each day.
    days: BTreeMap<u64, u64>,
}

impl Requests {
    /// Notes the next request.
    pub(crate) fn push(&mut self, index: u64, time_ms: u64) {
        let Ok(word) = usize::try_from(index / 64) else { return };
        if self.bits.len() <= word {
            self.bits.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << (index % 64);
        }
        self.days.entry(time_ms / DAY_MS).or_insert(index);
    }

    /// Returns the first entry of a request on this day or a later one.
    pub(crate) fn first_since(&self, day: u64) -> Option<u64> {
        self.days.range(day..).next().map(|(_, first)| *first)
    }

    /// Returns the requests, as a set from which found ones are struck.
    pub(crate) fn unfound(&self) -> Unfound {
        Unfound { bits: self.bits.clone() }
    }
}

/// The requests whose receipts were not found.
#[derive(Debug)]
pub(crate) struct Unfound {
    bits: Vec<u64>,
}

impl Unfound {
    /// Strikes a request, and returns whether there is one with this entry that was not struck.
    pub(crate) fn strike(&mut self, index: u64) -> bool {
        let word = usize::try_from(index / 64).ok().and_then(|word| self.bits.get_mut(word));
        let Some(bits) = word else { return false };
        let bit = 1 << (index % 64);
        let was = *bits & bit != 0;
        *bits &= !bit;
        was
    }

    /// Returns the entries that were not struck, from `first` on, in order.
    pub(crate) fn from(self, first: u64) -> impl Iterator<Item = u64> {
        let words = (0_u64..).zip(self.bits);
        let of_word = |(word, bits): (u64, u64)| {
            (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit)
        };
        words.flat_map(of_word).skip_while(move |index| *index < first)
    }
}
