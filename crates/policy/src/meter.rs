//! Tokens and requests per minute, as Azure counts them.
//!
//! A deployment has two counters that start again each minute. A request reserves its estimated
//! tokens up front (prompt characters, and the most it may generate); rejected requests count
//! towards requests per minute too. Source: Azure's quota page, "Understanding rate limits".

/// The limits of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens per minute.
    pub tokens_per_minute: u32,
    /// Requests per minute.
    pub requests_per_minute: u32,
}

/// The counters of one deployment in the current minute. Time is whatever monotonic milliseconds
/// the caller passes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    window_start_ms: Option<u64>,
    tokens: u64,
    requests: u64,
}

/// What is left, for the `x-ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The limits in force.
    pub limits: Limits,
    /// Tokens left in this minute.
    pub remaining_tokens: u32,
    /// Requests left in this minute.
    pub remaining_requests: u32,
    /// Milliseconds until both start again.
    pub reset_ms: u64,
}

/// Which limit a request ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Too many requests in this minute.
    Requests(Balance),
    /// Too many tokens in this minute.
    Tokens(Balance),
    /// The request alone asks for more tokens than a whole minute allows: waiting does not help.
    Never(Balance),
}

/// A minute, in milliseconds.
pub const WINDOW_MS: u64 = 60_000;

impl Meter {
    /// Counts one request and reserves its estimated tokens.
    ///
    /// # Errors
    /// When a limit is exceeded; the request still counts, its tokens do not.
    pub fn reserve(
        &mut self,
        limits: Limits,
        estimated_tokens: u64,
        now_ms: u64,
    ) -> Result<Balance, Exceeded> {
        let start = match self.window_start_ms {
            Some(start) if now_ms.saturating_sub(start) < WINDOW_MS => start,
            _ => {
                *self = Self { window_start_ms: Some(now_ms), tokens: 0, requests: 0 };
                now_ms
            }
        };
        self.requests = self.requests.saturating_add(1);
        let balance = |meter: &Self| Balance {
            limits,
            remaining_tokens: left(limits.tokens_per_minute, meter.tokens),
            remaining_requests: left(limits.requests_per_minute, meter.requests),
            reset_ms: start.saturating_add(WINDOW_MS).saturating_sub(now_ms),
        };
        if self.requests > u64::from(limits.requests_per_minute) {
            return Err(Exceeded::Requests(balance(self)));
        }
        if estimated_tokens > u64::from(limits.tokens_per_minute) {
            return Err(Exceeded::Never(balance(self)));
        }
        let wanted = self.tokens.saturating_add(estimated_tokens);
        if wanted > u64::from(limits.tokens_per_minute) {
            return Err(Exceeded::Tokens(balance(self)));
        }
        self.tokens = wanted;
        Ok(balance(self))
    }
}

fn left(limit: u32, used: u64) -> u32 {
    u32::try_from(u64::from(limit).saturating_sub(used)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { tokens_per_minute: 100, requests_per_minute: 3 };

    #[test]
    fn tokens_and_requests_run_out_and_come_back_after_a_minute() {
        let mut meter = Meter::default();
        let balance = meter.reserve(LIMITS, 60, 5_000).unwrap();
        assert_eq!((balance.remaining_tokens, balance.remaining_requests), (40, 2));
        let Err(Exceeded::Tokens(balance)) = meter.reserve(LIMITS, 41, 6_000) else { panic!() };
        assert_eq!(balance.reset_ms, 59_000);
        assert!(meter.reserve(LIMITS, 40, 7_000).is_ok());
        assert!(matches!(meter.reserve(LIMITS, 0, 8_000), Err(Exceeded::Requests(_))));
        assert!(meter.reserve(LIMITS, 100, 65_000).is_ok());
    }

    #[test]
    fn a_request_that_can_never_fit_says_so() {
        assert!(matches!(Meter::default().reserve(LIMITS, 101, 0), Err(Exceeded::Never(_))));
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut meter = Meter::default();
        meter.reserve(LIMITS, 100, 90_000).unwrap();
        assert!(matches!(meter.reserve(LIMITS, 1, 10_000), Err(Exceeded::Tokens(_))));
    }
}
