//! Times in words, in UTC.

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// Returns a time as `2026-11-30 08:56 UTC`.
#[must_use]
pub fn minute(ms: u64) -> String {
    let minutes = ms / 60_000;
    format!("{} {:02}:{:02} UTC", day(ms), minutes / 60 % 24, minutes % 60)
}

/// Returns a time as RFC 3339: `2026-11-30T08:56:28Z`.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", day(ms))
}

/// Returns the day of a time as `2026-11-30`.
#[must_use]
pub fn day(ms: u64) -> String {
    let (year, month, day) = civil(ms / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Returns the first millisecond of a day such as `2026-11-30`; `None` if there is no such day.
#[must_use]
pub fn start_of(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits: usize| {
        let text = parts.next()?;
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| plain)
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days(year, month, day);
    // A day that the month does not have is another month's.
    (civil(days) == (year, month, day)).then(|| days.saturating_mul(DAY_MS))
}

/// Days of 400 years.
const ERA: u64 = 146_097;
/// Days from the first of March of the year 0 to the first of January 1970.
const TO_1970: u64 = 719_468;

/// Returns year, month and day of a number of days since 1970. Years begin in March here, so that a
/// leap day is the last day of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(TO_1970);
    let (era, of_era) = (days / ERA, days % ERA);
    let leaps = of_era / 1460 + of_era / 146_096;
    let year = (of_era + of_era / 36_524).saturating_sub(leaps) / 365;
    let of_year = (of_era + year / 100).saturating_sub(365 * year + year / 4);
    let month = (5 * of_year + 2) / 153;
    let day = of_year.saturating_sub((153 * month + 2) / 5) + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month.saturating_sub(9), 1) };
    (era.saturating_mul(400).saturating_add(year + next), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month.saturating_sub(3))
    } else {
        (year.saturating_sub(1), month + 9)
    };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day.saturating_sub(1);
    let of_era = (of_era * 365 + of_era / 4 + of_year).saturating_sub(of_era / 100);
    (era * ERA + of_era).saturating_sub(TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("2026-11-24", 1_795_478_400_000),
            ("2100-03-01", 4_107_542_400_000),
        ] {
            assert_eq!((day(ms), start_of(text)), (text.to_owned(), Some(ms)));
        }
        for number in 0..200_000 {
            let ms = number * DAY_MS;
            assert_eq!(start_of(&day(ms)), Some(ms));
        }
        for none in ["2026-02-29", "2026-2-1", "1969-12-31", "2026-13-01", "x", "", "2026-11-30-1"]
        {
            assert_eq!(start_of(none), None, "{none}");
        }
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(1_795_491_985_123), "2026-11-24T03:46:25Z");
        assert_eq!(minute(1_795_491_985_123), "2026-11-24 03:46 UTC");
    }
}
