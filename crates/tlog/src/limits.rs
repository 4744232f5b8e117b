//! The promises in numbers. `policy` decides with them and [`crate::verify`] checks with them. They
//! are defined once, so that the service's rules and the auditor's rules cannot differ.

/// A day, in milliseconds.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A minute, in milliseconds.
pub const MINUTE_MS: u64 = 60 * 1000;

/// The maximum number of days for which content is stored.
pub const RETENTION_DAYS_MAX: u8 = 30;

/// The maximum number of milliseconds for which a record is stored.
pub const RETENTION_MS_MAX: u64 = RETENTION_DAYS_MAX as u64 * DAY_MS;

/// The default time to open a record after an approval, in minutes.
pub const GRANT_MINUTES_DEFAULT: u8 = 15;

/// The maximum time to open a record after an approval, in minutes.
pub const GRANT_MINUTES_MAX: u8 = 60;

/// The maximum time to open a record after an approval, in milliseconds.
pub const GRANT_MS_MAX: u64 = GRANT_MINUTES_MAX as u64 * MINUTE_MS;

/// The maximum time from the log entry of an owner's read to the read itself, in milliseconds.
pub const OWNER_READ_MS_MAX: u64 = 5 * MINUTE_MS;

/// The maximum number of days of a zero-retention approval. After that, a new application is
/// needed.
pub const EXEMPTION_DAYS_MAX: u16 = 365;

/// The maximum length of a zero-retention approval, in milliseconds.
pub const EXEMPTION_MS_MAX: u64 = EXEMPTION_DAYS_MAX as u64 * DAY_MS;

/// The number of people required to approve zero retention; the applicant does not count.
pub const EXEMPTION_DECIDERS: usize = 2;

/// The maximum length of an abuse penalty, in milliseconds. After that, a new decision is needed.
pub const PENALTY_MS_MAX: u64 = 90 * DAY_MS;

/// The maximum length of a penalty that no person is responsible for, in milliseconds.
pub const PENALTY_AUTOMATIC_MS_MAX: u64 = DAY_MS;

/// How old a signed statement may be, in milliseconds: from the first entry that its signer did not
/// see to the entry with the statement.
pub const STATEMENT_MS_MAX: u64 = 60 * MINUTE_MS;

/// How many entries may lie between the head that a signer saw and the entry with the statement. A
/// verifier needs the roots of so many sizes, and no more.
pub const STATEMENT_ENTRIES_MAX: u64 = 1 << 20;

/// The maximum time for which a person's key is enrolled, in milliseconds.
pub const PERSON_KEY_MS_MAX: u64 = 365 * DAY_MS;

/// The minimum time from the announcement of a root's recovery until the new root counts, in
/// milliseconds.
pub const ROOT_RECOVERY_MS_MIN: u64 = 7 * DAY_MS;

/// The maximum number of keys of a party's people, with those that were revoked.
pub const PERSON_KEYS_MAX: usize = 1000;

/// The maximum number of identity providers whose tokens count for one tenant.
pub const ISSUERS_MAX: usize = 16;

/// The maximum number of resources of one tenant with promises of their own.
pub const PROMISED_RESOURCES_MAX: usize = 10_000;

/// Returns the time at which content must be unrecoverable, in milliseconds since 1970.
///
/// All records of a tenant that end on one day share a key. The deadline is therefore a midnight in
/// UTC: the last one that is at most `days` days after the end of the request.
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
