//! What the promises say in numbers. `policy` decides by them and [`crate::verify`] checks by them:
//! in one place, so that what is allowed and what an auditor accepts cannot drift apart.

/// A day, in milliseconds.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A minute, in milliseconds.
pub const MINUTE_MS: u64 = 60 * 1000;

/// Days that content is kept, at most.
pub const RETENTION_DAYS_MAX: u8 = 30;

/// Milliseconds that a record can be kept, at most.
pub const RETENTION_MS_MAX: u64 = RETENTION_DAYS_MAX as u64 * DAY_MS;

/// Minutes that a person may look at a record within, where nobody says otherwise.
pub const GRANT_MINUTES_DEFAULT: u8 = 15;

/// Minutes that a person may look at a record within, at most.
pub const GRANT_MINUTES_MAX: u8 = 60;

/// Milliseconds that a person may look at a record within, at most.
pub const GRANT_MS_MAX: u64 = GRANT_MINUTES_MAX as u64 * MINUTE_MS;

/// Milliseconds within which an owner's read of a record must follow its entry in the log.
pub const OWNER_READ_MS_MAX: u64 = 5 * MINUTE_MS;

/// Days that an approval of zero retention lasts, at most: then it must be asked for again.
pub const EXEMPTION_DAYS_MAX: u16 = 365;

/// Milliseconds that an approval of zero retention lasts, at most.
pub const EXEMPTION_MS_MAX: u64 = EXEMPTION_DAYS_MAX as u64 * DAY_MS;

/// People who must be in favour of zero retention, the applicant not among them.
pub const EXEMPTION_DECIDERS: usize = 2;

/// Milliseconds that a penalty for abuse lasts, at most: then it must be decided again.
pub const PENALTY_MS_MAX: u64 = 90 * DAY_MS;

/// Milliseconds that a penalty lasts that no person stands behind, at most.
pub const PENALTY_AUTOMATIC_MS_MAX: u64 = DAY_MS;

/// When content that is kept for some days must be unrecoverable: milliseconds since 1970.
///
/// All records of a tenant that end on one day share a key, so it is a midnight in UTC: the last
/// one that is not later than that number of days after the request ended.
#[must_use]
pub const fn deadline_ms(ended_ms: u64, days: u8) -> u64 {
    let latest = ended_ms.saturating_add((days as u64).saturating_mul(DAY_MS));
    latest.saturating_sub(latest % DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_the_last_midnight_in_time() {
        assert_eq!(deadline_ms(0, 30), 30 * DAY_MS);
        assert_eq!(deadline_ms(DAY_MS - 1, 30), 30 * DAY_MS);
        assert_eq!(deadline_ms(DAY_MS, 30), 31 * DAY_MS);
        assert_eq!(deadline_ms(DAY_MS + 1, 1), 2 * DAY_MS);
        assert_eq!(deadline_ms(u64::MAX, 1) % DAY_MS, 0, "no overflow");
    }
}
