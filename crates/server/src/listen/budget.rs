//! Limits the work that a client may cause in some time without a useful request.
//!
//! Work is counted in points. A budget holds [`Rate::burst`] points and regains
//! [`Rate::per_second`] of them each second. The module is pure: the time is an argument.

use std::time::Instant;

/// Points for a new connection.
pub(super) const CONNECTION: u32 = 2;
/// Points for a new connection that begins with a TLS handshake: the server signs for each.
pub(super) const HANDSHAKE: u32 = 10;
/// Points for a request that is answered to a client without a key.
pub(super) const ANSWERED: u32 = 2;
/// Points for a request that is refused to a client without a key.
pub(super) const REFUSED: u32 = 5;

/// Rate at which points come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Points that come back each second.
    pub(super) per_second: u32,
}

impl Rate {
    /// Points that may be spent at once.
    fn burst(self) -> u32 {
        self.per_second.saturating_mul(BURST_SECONDS)
    }
}

/// The points spent so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    spent: u32,
    at: Instant,
}

impl Budget {
    /// Creates an unspent budget.
    pub(super) fn new(now: Instant) -> Self {
        Self { spent: 0, at: now }
    }

    /// Spends points, and returns whether there were enough. An empty budget stays empty.
    pub(super) fn spend(&mut self, points: u32, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        self.spent = self.spent.saturating_add(points).min(rate.burst().saturating_add(1));
        self.spent <= rate.burst()
    }

    /// Returns points for useful work.
    pub(super) fn earn(&mut self, points: u32) {
        self.spent = self.spent.saturating_sub(points);
    }

    /// Whether the budget is fully refilled.
    pub(super) fn is_whole(&mut self, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        self.spent == 0
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at);
        let back = elapsed.as_millis().saturating_mul(rate.per_second.into()) / 1000;
        // The remaining time carries over, so that short steps add up.
        if back > 0 {
            self.spent = self.spent.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
            self.at = now;
        }
    }
}

const BURST_SECONDS: u32 = 4;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { per_second: 10 };

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert!(budget.spend(40, RATE, start));
        assert!(!budget.spend(1, RATE, start));
        // The debt of refused points is bounded: one second later ten points are back, less the one
        // point over the limit.
        let later = start + Duration::from_secs(1);
        assert!(budget.spend(9, RATE, later));
        assert!(!budget.spend(1, RATE, later));
        assert!(budget.spend(40, RATE, later + Duration::from_secs(5)));
        assert!(!Budget::new(start).spend(41, RATE, start));
    }

    #[test]
    fn short_steps_of_time_add_up() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert!(budget.spend(40, RATE, start));
        (1..100).for_each(|step| budget.refill(RATE, start + Duration::from_millis(step)));
        assert_eq!(budget.spent, 40);
        budget.refill(RATE, start + Duration::from_millis(100));
        assert_eq!(budget.spent, 39);
    }

    #[test]
    fn useful_work_earns() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        for _ in 0..1000 {
            assert!(budget.spend(8, RATE, start));
            budget.earn(8);
        }
        assert!(budget.is_whole(RATE, start));
    }
}
