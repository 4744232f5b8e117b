//! Tokens and requests per minute, counted like Azure.
//!
//! A deployment has two counters that restart each minute. A request reserves its estimated tokens
//! up front (prompt characters, and the maximum that it may generate). Rejected requests also count
//! towards requests per minute. Source: Azure's quota page, "Understanding rate limits".

/// The limits of one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Tokens per minute.
    pub tokens_per_minute: u32,
    /// Requests per minute.
    pub requests_per_minute: u32,
}

/// The counters of one deployment in the current minute. The caller passes the time in monotonic
/// milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    window_start_ms: Option<u64>,
    tokens: u64,
    requests: u64,
}

/// The remaining quota, for the `x-ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The active limits.
    pub limits: RateLimits,
    /// Tokens left in this minute.
    pub remaining_tokens: u32,
    /// Requests left in this minute.
    pub remaining_requests: u32,
    /// Milliseconds until both counters restart.
    pub reset_ms: u64,
}

/// The limit that a request exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Too many requests in this minute.
    Requests(Balance),
    /// Too many tokens in this minute.
    Tokens(Balance),
    /// The request can never fit: it needs more tokens than a whole minute allows, or the limit of
    /// requests is 0. Waiting does not help.
    Never(Balance),
}

/// A minute, in milliseconds.
pub const WINDOW_MS: u64 = 60_000;

impl Meter {
    /// Counts one request and reserves its estimated tokens.
    ///
    /// # Errors
    /// [`Exceeded`] if a limit is exceeded. The request still counts; its tokens do not.
    pub fn reserve(
        &mut self,
        limits: RateLimits,
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
        // Checked first, so that no caller waits in vain.
        if limits.requests_per_minute == 0 || estimated_tokens > u64::from(limits.tokens_per_minute)
        {
            return Err(Exceeded::Never(balance(self)));
        }
        if self.requests > u64::from(limits.requests_per_minute) {
            return Err(Exceeded::Requests(balance(self)));
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

    const LIMITS: RateLimits = RateLimits { tokens_per_minute: 100, requests_per_minute: 3 };

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
        let mut meter = Meter::default();
        // The call counts as a request, and gives the same result after the minute's requests are
        // used up.
        for _ in 0..5 {
            assert!(matches!(meter.reserve(LIMITS, 101, 0), Err(Exceeded::Never(_))));
        }
        assert!(matches!(meter.reserve(LIMITS, 1, 0), Err(Exceeded::Requests(_))));
        for none in [
            RateLimits { tokens_per_minute: 0, ..LIMITS },
            RateLimits { requests_per_minute: 0, ..LIMITS },
        ] {
            assert!(matches!(Meter::default().reserve(none, 1, 0), Err(Exceeded::Never(_))));
        }
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut meter = Meter::default();
        meter.reserve(LIMITS, 100, 90_000).unwrap();
        assert!(matches!(meter.reserve(LIMITS, 1, 10_000), Err(Exceeded::Tokens(_))));
    }
}
