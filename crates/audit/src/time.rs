//! Formats times.

use std::time::{Duration, SystemTime};

/// Formats seconds since 1970 as RFC 3339, in UTC.
#[must_use]
pub fn rfc3339(seconds: u64) -> String {
    // The last second of the year 9999: RFC 3339 has years of four digits.
    let last = 253_402_300_799;
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(last));
    humantime::format_rfc3339_seconds(moment).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_years_of_four_digits() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_491_985), "2026-11-24T03:46:25Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
