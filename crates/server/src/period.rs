//! Hours, days and months in UTC, for queries and for sums.

use std::{ops::Range, str::FromStr, time::UNIX_EPOCH};

use audit::rfc3339;
use serde::{Deserialize, Deserializer, de::Error as _};

/// An hour, a day or a month, in hours since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    begin: u64,
    end: u64,
}

/// The text is not a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: write a month as 2026-11, a day as 2026-11-28, an hour as 2026-11-28T07, in UTC"
)]
pub(crate) struct BadPeriod;

impl Period {
    /// Returns the hours from the beginning of one period to the end of another.
    #[must_use]
    pub(crate) fn hours(from: Option<Self>, to: Option<Self>) -> Range<u64> {
        let end = to.map_or(HOURS_END, |to| to.end);
        from.map_or(0, |from| from.begin)..end
    }
}

/// Larger than every hour, and small enough for a comparison in the database.
const HOURS_END: u64 = 1 << 40;

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        // An hour may also be given in its printed form.
        let text = text.strip_suffix(":00:00Z").unwrap_or(text);
        match text.len() {
            7 => {
                let begin = hour(&format!("{text}-01T00"))?;
                let (year, month) = text.split_once('-').ok_or(BadPeriod)?;
                let number = |text: &str| text.parse::<u64>().map_err(|_| BadPeriod);
                let (year, month) = (number(year)?, number(month)?);
                let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                Ok(Self { begin, end: hour(&format!("{year:04}-{month:02}-01T00"))? })
            }
            10 => {
                let begin = hour(&format!("{text}T00"))?;
                Ok(Self { begin, end: begin + 24 })
            }
            13 => {
                let begin = hour(text)?;
                Ok(Self { begin, end: begin + 1 })
            }
            _ => Err(BadPeriod),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Parses `2026-11-28T07` as hours since 1970.
fn hour(text: &str) -> Result<u64, BadPeriod> {
    let moment = humantime::parse_rfc3339(&format!("{text}:00:00Z")).map_err(|_| BadPeriod)?;
    let since = moment.duration_since(UNIX_EPOCH).map_err(|_| BadPeriod)?;
    Ok(since.as_secs() / 3600)
}

/// The period by which usage is added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// By hour.
    #[default]
    Hour,
    /// By day, in UTC.
    Day,
    /// By month, in UTC.
    Month,
}

impl Step {
    /// Returns the printed period that an hour belongs to.
    #[must_use]
    pub(crate) fn of(self, hour: u64) -> String {
        let mut text = rfc3339(hour.saturating_mul(3600));
        match self {
            Self::Hour => {}
            Self::Day => text.truncate("2026-11-28".len()),
            Self::Month => text.truncate("2026-11".len()),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_have_a_beginning_and_an_end() {
        let hours = |from: &str, to: &str| {
            let hours = Period::hours(Some(from.parse().unwrap()), Some(to.parse().unwrap()));
            (Step::Hour.of(hours.start), Step::Hour.of(hours.end))
        };
        let at = |from: &str, to: &str| (format!("{from}:00:00Z"), format!("{to}:00:00Z"));
        assert_eq!(hours("2026-11", "2026-12"), at("2026-11-01T00", "2027-01-01T00"));
        assert_eq!(hours("2028-02", "2028-02"), at("2028-02-01T00", "2028-03-01T00"));
        assert_eq!(hours("2026-11-28", "2026-11-28"), at("2026-11-28T00", "2026-11-29T00"));
        assert_eq!(
            hours("2026-11-28T07", "2026-11-28T23:00:00Z"),
            at("2026-11-28T07", "2026-11-29T00")
        );
        assert_eq!(Period::hours(None, None), 0..HOURS_END);
        for bad in
            ["", "2026", "2026-13", "2026-11-31", "2026-11-28T24", "28.11.2026", "1969-12", "äääää"]
        {
            assert_eq!(bad.parse::<Period>(), Err(BadPeriod), "{bad}");
        }
    }

    #[test]
    fn hours_belong_to_days_and_months() {
        let hour = hour("2026-11-28T07").unwrap();
        assert_eq!(Step::Hour.of(hour), "2026-11-28T07:00:00Z");
        assert_eq!(
            (Step::Day.of(hour), Step::Month.of(hour)),
            ("2026-11-28".into(), "2026-11".into())
        );
    }
}
