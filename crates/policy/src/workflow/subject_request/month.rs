//! Calendar months: a deadline of "one month" ends on the same day of the next month, or on its last
//! day if it has no such day (Regulation (EEC, Euratom) No 1182/71, Art. 3).

use crate::retention::DAY_MS;

/// Returns the end of the day that is this many calendar months after a time, both in milliseconds
/// since 1970, in UTC.
#[must_use]
pub fn months_after(from_ms: u64, months: u32) -> u64 {
    let (year, month, day) = civil(from_ms / DAY_MS);
    let months = (month - 1).saturating_add(u64::from(months));
    let (year, month) = (year.saturating_add(months / 12), months % 12 + 1);
    let day = day.min(last_day(year, month));
    days(year, month, day).saturating_add(1).saturating_mul(DAY_MS)
}

/// Returns the number of days of a month.
fn last_day(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns year, month and day of a number of days since 1970-01-01. The algorithm counts from
/// 0000-03-01, so that the leap day is the last day of a year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The reverse of [`civil`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Midnight after a day.
    fn end_of(year: u64, month: u64, day: u64) -> u64 {
        (days(year, month, day) + 1) * DAY_MS
    }

    #[test]
    fn every_day_of_eight_centuries_is_read_as_it_is_written() {
        for day in 0..300_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
            assert!((1..=last_day(year, month)).contains(&of_month));
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(20_000), (2024, 10, 4));
    }

    #[test]
    fn a_month_ends_on_the_same_day_or_on_the_last() {
        let noon = |year, month, day| days(year, month, day) * DAY_MS + DAY_MS / 2;
        for (from, months, to) in [
            ((2026, 11, 29), 1, (2026, 12, 29)),
            ((2026, 1, 31), 1, (2026, 2, 28)),
            ((2028, 1, 31), 1, (2028, 2, 29)),
            ((2026, 12, 15), 1, (2027, 1, 15)),
            ((2026, 11, 30), 3, (2027, 2, 28)),
        ] {
            let (year, month, day) = from;
            let expected = end_of(to.0, to.1, to.2);
            assert_eq!(months_after(noon(year, month, day), months), expected, "{from:?}");
        }
    }
}
