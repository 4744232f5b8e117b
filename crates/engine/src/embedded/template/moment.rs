//! The time that a template sees: UTC, formatted like Python's `strftime`.

/// A moment, to the millisecond. The calendar is Gregorian and has no time before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    ms: u64,
}

/// The parts of a moment.
struct Parts {
    year: u64,
    /// From 1.
    month: u64,
    /// From 1.
    day: u64,
    /// From 1.
    day_of_year: u64,
    /// From Sunday, which is 0.
    weekday: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    /// Creates a moment from milliseconds since 1970. Times after the year 9999 become its end.
    pub(crate) const fn from_ms(ms: u64) -> Self {
        Self { ms: if ms > LAST_MS { LAST_MS } else { ms } }
    }

    /// Formats the moment. A directive that Python does not know stays unchanged.
    pub(super) fn strftime(self, format: &str) -> String {
        let parts = self.parts();
        let mut written = String::with_capacity(format.len());
        let mut rest = format.chars();
        while let Some(letter) = rest.next() {
            if letter != '%' {
                written.push(letter);
                continue;
            }
            let mut after = rest.clone();
            let mut directive = after.next();
            let plain = directive == Some('-');
            if plain {
                directive = after.next();
            }
            match directive.and_then(|directive| self.directive(&parts, directive)) {
                Some(text) if plain => {
                    let short = text.trim_start_matches(['0', ' ']);
                    written.push_str(if short.is_empty() { "0" } else { short });
                    rest = after;
                }
                Some(text) => {
                    written.push_str(&text);
                    rest = after;
                }
                None => written.push('%'),
            }
        }
        written
    }

    fn directive(self, parts: &Parts, directive: char) -> Option<String> {
        let Parts { year, month, day, weekday, hour, minute, second, .. } = *parts;
        let (month_name, day_name) = (name(&MONTHS, month.saturating_sub(1)), name(&DAYS, weekday));
        let hour12 = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
        let monday_first = (weekday + 6) % 7;
        let short = |name: &str| name.chars().take(3).collect::<String>();
        let again = |format: &str| Some(self.strftime(format));
        Some(match directive {
            'Y' => year.to_string(),
            'C' => format!("{:02}", year / 100),
            'y' => format!("{:02}", year % 100),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'e' => format!("{day:2}"),
            'B' => month_name.to_owned(),
            'b' | 'h' => short(month_name),
            'A' => day_name.to_owned(),
            'a' => short(day_name),
            'j' => format!("{:03}", parts.day_of_year),
            'w' => weekday.to_string(),
            'u' => (monday_first + 1).to_string(),
            'U' => format!("{:02}", (parts.day_of_year + 6 - weekday) / 7),
            'W' => format!("{:02}", (parts.day_of_year + 6 - monday_first) / 7),
            'V' => format!("{:02}", parts.iso_week().1),
            'G' => parts.iso_week().0.to_string(),
            'g' => format!("{:02}", parts.iso_week().0 % 100),
            'H' => format!("{hour:02}"),
            'k' => format!("{hour:2}"),
            'I' => format!("{hour12:02}"),
            'l' => format!("{hour12:2}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'p' => (if hour < 12 { "AM" } else { "PM" }).to_owned(),
            'P' => (if hour < 12 { "am" } else { "pm" }).to_owned(),
            'f' => format!("{:03}000", self.ms % 1000),
            's' => (self.ms / 1000).to_string(),
            // Hugging Face uses a time without a zone.
            'z' | 'Z' => String::new(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            'D' | 'x' => return again("%m/%d/%y"),
            'F' => return again("%Y-%m-%d"),
            'T' | 'X' => return again("%H:%M:%S"),
            'R' => return again("%H:%M"),
            'r' => return again("%I:%M:%S %p"),
            'c' => return again("%a %b %e %H:%M:%S %Y"),
            _ => return None,
        })
    }

    fn parts(self) -> Parts {
        let seconds = self.ms / 1000;
        let days = seconds / 86_400;
        let (mut year, mut left) = (1970, days);
        while left >= days_of_year(year) {
            left -= days_of_year(year);
            year += 1;
        }
        let day_of_year = left + 1;
        let mut month = 1;
        while left >= days_of_month(year, month) {
            left -= days_of_month(year, month);
            month += 1;
        }
        Parts {
            year,
            month,
            day: left + 1,
            day_of_year,
            // 1970 began on a Thursday.
            weekday: (days + 4) % 7,
            hour: seconds % 86_400 / 3600,
            minute: seconds % 3600 / 60,
            second: seconds % 60,
        }
    }
}

impl Parts {
    /// Returns the year and week of ISO 8601, whose first week is the one with the first Thursday.
    fn iso_week(&self) -> (u64, u64) {
        let weekday = (self.weekday + 6) % 7 + 1;
        let week = (self.day_of_year + 10 - weekday) / 7;
        if week == 0 {
            let year = self.year - 1;
            return (year, weeks_of_year(year));
        }
        if week > weeks_of_year(self.year) { (self.year + 1, 1) } else { (self.year, week) }
    }
}

/// Returns 53 if the year begins or ends on a Thursday, else 52.
fn weeks_of_year(year: u64) -> u64 {
    let last_day = |year: u64| (year + year / 4 - year / 100 + year / 400) % 7;
    if last_day(year) == 4 || last_day(year - 1) == 3 { 53 } else { 52 }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn name<const N: usize>(names: &[&'static str; N], at: u64) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

/// The last moment of the year 9999, which is also Python's last year.
const LAST_MS: u64 = 253_402_300_799_999;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
