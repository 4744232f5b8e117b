//! The context's sequences, by their numbers.

use std::time::Instant;

use policy::id::TenantId;
use zeroize::Zeroizing;

use super::Choice;

/// Whether a mistake of the scheduler stops the process. A worker goes on instead: only the request
/// of that sequence has no answer before its deadline.
const STRICT: bool = cfg!(any(test, debug_assertions));

/// One of the context's sequences.
#[derive(Debug)]
pub(super) enum Slot {
    Empty,
    /// A tenant's prefix, kept for its next request.
    Cached {
        tenant: TenantId,
        tokens: Zeroizing<Vec<u32>>,
        used: Instant,
    },
    Running(Box<Choice>),
}

/// All sequences of the context.
#[derive(Debug)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    /// Creates empty sequences.
    pub(super) fn new(sequences: u32) -> Self {
        Self((0..sequences).map(|_| Slot::Empty).collect())
    }

    /// Returns the sequences with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0_u32..).zip(&self.0)
    }

    /// Returns the sequences with their numbers.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Slot)> {
        (0_u32..).zip(&mut self.0)
    }

    /// Returns the running choices with the numbers of their sequences.
    pub(super) fn running(&self) -> impl Iterator<Item = (u32, &Choice)> {
        self.iter().filter_map(|(sequence, slot)| match slot {
            Slot::Running(choice) => Some((sequence, &**choice)),
            Slot::Empty | Slot::Cached { .. } => None,
        })
    }

    /// Returns the choice that runs in a sequence, or `None` if it has ended: when a choice fails,
    /// all choices of its request end.
    pub(super) fn choice(&mut self, sequence: u32) -> Option<&mut Choice> {
        match self.get_mut(sequence) {
            Some(Slot::Running(choice)) => Some(choice),
            _ => None,
        }
    }

    /// Takes the choice that runs in a sequence, and leaves the sequence empty.
    pub(super) fn take_choice(&mut self, sequence: u32) -> Option<Box<Choice>> {
        let choice = match self.take(sequence) {
            Slot::Running(choice) => Some(choice),
            Slot::Empty | Slot::Cached { .. } => None,
        };
        assert!(!STRICT || choice.is_some(), "no choice runs in sequence {sequence}");
        choice
    }

    /// Takes the content of a sequence, and leaves the sequence empty.
    pub(super) fn take(&mut self, sequence: u32) -> Slot {
        let slot = self.get_mut(sequence);
        assert!(!STRICT || slot.is_some(), "there is no sequence {sequence}");
        slot.map_or(Slot::Empty, |slot| std::mem::replace(slot, Slot::Empty))
    }

    /// Fills an empty sequence.
    pub(super) fn put(&mut self, sequence: u32, filled: Slot) {
        let slot = self.get_mut(sequence);
        let is_empty = matches!(slot, Some(Slot::Empty));
        assert!(!STRICT || is_empty, "sequence {sequence} is not empty");
        if let Some(slot) = slot {
            *slot = filled;
        }
    }

    fn get_mut(&mut self, sequence: u32) -> Option<&mut Slot> {
        self.0.get_mut(usize::try_from(sequence).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "no choice runs in sequence 1")]
    fn a_choice_that_does_not_run_is_not_taken() {
        drop(Slots::new(2).take_choice(1));
    }

    #[test]
    #[should_panic(expected = "sequence 0 is not empty")]
    fn a_prefix_in_use_is_not_replaced() {
        let mut slots = Slots::new(1);
        let cached = || Slot::Cached {
            tenant: TenantId::from_random([7; 16]),
            tokens: Zeroizing::default(),
            used: Instant::now(),
        };
        slots.put(0, cached());
        slots.put(0, cached());
    }

    #[test]
    #[should_panic(expected = "there is no sequence 2")]
    fn a_sequence_beyond_the_context_is_not_taken() {
        drop(Slots::new(2).take(2));
    }
}
