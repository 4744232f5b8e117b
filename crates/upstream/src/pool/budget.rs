//! The budget of retries: an outage must not be multiplied by them.

/// A token bucket without a clock: requests fill it, retries empty it.
#[derive(Debug)]
pub(super) struct Budget {
    /// Retries that are left, in tenths.
    tenths: u32,
    /// Retries that were refused.
    refused: u64,
}

/// Retries that the budget holds at most, in tenths: ten retries in a burst.
const TENTHS_MAX: u32 = 100;
/// The price of a retry, in tenths. Each request adds one tenth, so that 10 % of the requests may be
/// retried.
const RETRY_TENTHS: u32 = 10;

impl Default for Budget {
    fn default() -> Self {
        Self { tenths: TENTHS_MAX, refused: 0 }
    }
}

impl Budget {
    pub(super) fn asked(&mut self) {
        self.tenths = self.tenths.saturating_add(1).min(TENTHS_MAX);
    }

    pub(super) fn retry(&mut self) -> bool {
        let left = self.tenths.checked_sub(RETRY_TENTHS);
        self.tenths = left.unwrap_or(self.tenths);
        self.refused += u64::from(left.is_none());
        left.is_some()
    }

    /// Returns the number of retries that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_requests_may_be_retried_after_a_burst() {
        let mut budget = Budget::default();
        let burst = (0..100).filter(|_| budget.retry()).count();
        assert_eq!((burst, budget.refused()), (10, 90));
        let mut retried = 0;
        for _ in 0..1000 {
            budget.asked();
            retried += usize::from(budget.retry());
        }
        assert_eq!(retried, 100);
        (0..10_000).for_each(|_| budget.asked());
        assert_eq!((0..100).filter(|_| budget.retry()).count(), 10, "the burst is limited");
    }
}
