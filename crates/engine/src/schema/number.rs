//! Compiles numbers: exact decimals, and regular expressions that match the numbers between two
//! bounds.
//!
//! Bounds are compared digit by digit, never as doubles. Near a fractional bound the generated
//! numbers have at most fifteen significant digits, so that a client that reads them as doubles
//! gets the same order.

use serde_json::Number;

/// Significant digits that every double preserves.
const DIGITS: u32 = 15;
/// Largest `multipleOf` of an integer that becomes an automaton; its states are the remainders.
const STEP_MAX: i128 = 1_000;
/// Largest integer that is generated, unless a bound requires a larger one.
const INTEGER: i128 = 999_999_999_999_999;

/// An exact decimal number, `digits / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

/// Returns 10 to the power of `exponent`, unless it overflows.
fn power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

impl Decimal {
    /// Reads the number exactly as it was written; `None` if it needs more than 38 digits.
    pub(super) fn of(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text.as_str(), 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let value = if scale < 0 {
            let factor = power(scale.unsigned_abs())?;
            Self { digits: digits.checked_mul(factor)?, scale: 0 }
        } else {
            Self { digits, scale: scale.unsigned_abs() }
        };
        Some(value.reduced())
    }

    /// Removes trailing zeros of the fraction.
    fn reduced(mut self) -> Self {
        while self.scale > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.scale = self.scale.saturating_sub(1);
        }
        self
    }

    /// Returns `digits` for a larger scale.
    fn at(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(power(scale.checked_sub(self.scale)?)?)
    }

    /// Whether the number is an integer.
    pub(super) fn is_integer(self) -> bool {
        self.scale == 0
    }

    /// Compares two numbers; `None` if their scales are too far apart.
    pub(super) fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        let scale = self.scale.max(other.scale);
        Some(self.at(scale)?.cmp(&other.at(scale)?))
    }

    /// Whether this is a multiple of `step`; `None` if their scales are too far apart.
    pub(super) fn is_multiple(self, step: Self) -> Option<bool> {
        let scale = self.scale.max(step.scale);
        Some(self.at(scale)?.checked_rem(step.at(scale)?)? == 0)
    }

    /// Returns the least common multiple of two steps; `None` if it overflows.
    pub(super) fn common(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.at(scale)?.checked_abs()?, other.at(scale)?.checked_abs()?);
        let (mut x, mut y) = (a, b);
        while y != 0 {
            (x, y) = (y, x.checked_rem(y)?);
        }
        let digits = a.checked_div(x)?.checked_mul(b)?;
        Some(Self { digits, scale }.reduced())
    }

    /// The number 1.
    pub(super) const ONE: Self = Self { digits: 1, scale: 0 };

    /// Writes the number as JSON.
    pub(super) fn text(self) -> String {
        if self.scale == 0 {
            return self.digits.to_string();
        }
        let width = usize::try_from(self.scale).unwrap_or(0).saturating_add(1);
        let digits = format!("{:0width$}", self.digits.unsigned_abs());
        let (whole, fraction) = digits
            .split_at_checked(digits.len().saturating_sub(width.saturating_sub(1)))
            .unwrap_or(("0", "0"));
        let sign = if self.digits < 0 { "-" } else { "" };
        format!("{sign}{whole}.{fraction}")
    }
}

/// An optional bound; true if the bound itself is excluded.
pub(super) type Bound = Option<(Decimal, bool)>;

/// The numbers that match, as a piece of grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digits {
    /// No number matches.
    None,
    /// The texts that this regular expression matches.
    Expression(String),
    /// A JSON schema that llguidance compiles itself. Its bounds are small enough to be exact
    /// there.
    Library(String),
    /// The numbers cannot be described exactly.
    Inexact,
}

/// Returns the integers between two bounds that are multiples of `step`.
pub(super) fn integers(low: Bound, high: Bound, step: Option<Decimal>) -> Digits {
    let bounds = (low, high);
    let Some((low, high)) = integer_bounds(low, high) else { return Digits::Inexact };
    let step = match step {
        None => 1,
        Some(step) => match step.common(Decimal::ONE) {
            Some(step) if step.is_integer() && step.digits > 0 => step.digits,
            _ => return Digits::Inexact,
        },
    };
    let first = ceiling(low, step);
    let last = high.div_euclid(step).saturating_mul(step);
    if first > last {
        return Digits::None;
    }
    if step == 1 {
        return Digits::Expression(integer_range(first, last));
    }
    let count = (last.saturating_sub(first)) / step;
    if count < 64 {
        let all = (0..=count).map(|n| first.saturating_add(n.saturating_mul(step)).to_string());
        return Digits::Expression(format!("(?:{})", all.collect::<Vec<_>>().join("|")));
    }
    if let (None, None, Some(zeros)) = (bounds.0, bounds.1, zeros(step)) {
        let digits = DIGITS.saturating_sub(zeros).saturating_sub(1);
        return Digits::Expression(format!("(?:0|-?[1-9][0-9]{{0,{digits}}}0{{{zeros}}})"));
    }
    if step > STEP_MAX || first < -INTEGER || last > INTEGER {
        return Digits::Inexact;
    }
    Digits::Library(format!(
        "{{\"type\":\"integer\",\"minimum\":{first},\"maximum\":{last},\"multipleOf\":{step}}}"
    ))
}

/// Returns the exponent of a power of ten below `10^DIGITS`; `None` for other steps.
fn zeros(step: i128) -> Option<u32> {
    let zeros = step.checked_ilog10().filter(|zeros| *zeros < DIGITS)?;
    (power(zeros) == Some(step)).then_some(zeros)
}

/// Rounds up to a multiple of `step`.
fn ceiling(value: i128, step: i128) -> i128 {
    value.saturating_neg().div_euclid(step).saturating_mul(step).saturating_neg()
}

/// Returns both ends, inclusive, within the range of 64-bit integers (signed and unsigned); `None`
/// if a bound excludes all of these.
fn integer_bounds(low: Bound, high: Bound) -> Option<(i128, i128)> {
    let unit = |bound: Decimal| power(bound.scale);
    let low = match low {
        None => None,
        Some((bound, out)) => {
            let unit = unit(bound)?;
            let least = ceiling(bound.digits, unit) / unit;
            let on_it = least.checked_mul(unit)? == bound.digits;
            Some(if out && on_it { least.saturating_add(1) } else { least })
        }
    };
    let high = match high {
        None => None,
        Some((bound, out)) => {
            let unit = unit(bound)?;
            let most = bound.digits.div_euclid(unit);
            let on_it = most.checked_mul(unit)? == bound.digits;
            Some(if out && on_it { most.saturating_sub(1) } else { most })
        }
    };
    let (least, most) = (i128::from(i64::MIN), i128::from(u64::MAX));
    if low.is_some_and(|low| low > most) || high.is_some_and(|high| high < least) {
        return None;
    }
    Some(match (low, high) {
        (None, None) => (-INTEGER, INTEGER),
        (Some(low), None) => (low.max(least), if low < INTEGER { INTEGER } else { most }),
        (None, Some(high)) => (if high > -INTEGER { -INTEGER } else { least }, high.min(most)),
        (Some(low), Some(high)) => (low.max(least), high.min(most)),
    })
}

/// Returns the numbers between two bounds that are multiples of `step`.
pub(super) fn numbers(low: Bound, high: Bound, step: Option<Decimal>) -> Digits {
    match step {
        Some(step) if step.is_integer() => return integers(low, high, Some(step)),
        Some(step) => return multiples(low, high, step),
        None => {}
    }
    if low.is_none() && high.is_none() {
        return Digits::Expression(
            r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?".to_owned(),
        );
    }
    let Some(scale) = scale_for(low, high) else { return Digits::Inexact };
    let Some((low, high)) = scaled(low, high, scale) else { return Digits::Inexact };
    if low > high {
        return Digits::None;
    }
    let mut parts = Vec::new();
    if low < 0 {
        let (near, far) = ((-high).max(1), -low);
        if near <= far {
            parts.push(format!("-{}", decimal_range(near, far, scale)));
        }
    }
    if high >= 0 {
        parts.push(decimal_range(low.max(0), high, scale));
    }
    Digits::Expression(format!("(?:{})", parts.join("|")))
}

/// Returns the number of fraction digits that a double preserves beside the whole digits of the
/// bounds.
fn scale_for(low: Bound, high: Bound) -> Option<u32> {
    // A far bound (such as the largest double) does not count: no generated number comes near it.
    let near = |bound: Bound| {
        bound.filter(|(value, _)| {
            value.digits.unsigned_abs() / power(value.scale).map_or(1, i128::unsigned_abs)
                <= 1_u128 << 100
        })
    };
    let (low, high) = (near(low), near(high));
    let whole = [low, high].into_iter().flatten().map(|(bound, _)| {
        let unit = power(bound.scale).map_or(1, i128::unsigned_abs);
        (bound.digits.unsigned_abs() / unit).checked_ilog10().map_or(0, |digits| digits + 1)
    });
    Some(DIGITS.saturating_sub(whole.max().unwrap_or(0)))
}

/// Returns both ends, inclusive, in units of `10^-scale`.
fn scaled(low: Bound, high: Bound, scale: u32) -> Option<(i128, i128)> {
    let most = INTEGER.checked_mul(power(scale)?)?;
    let end = |bound: Bound, up: bool| -> Option<Option<i128>> {
        let Some((bound, out)) = bound else { return Some(None) };
        let (exact, value) = if bound.scale <= scale {
            (true, bound.at(scale)?)
        } else {
            let unit = power(bound.scale.checked_sub(scale)?)?;
            let value =
                if up { ceiling(bound.digits, unit) / unit } else { bound.digits.div_euclid(unit) };
            // The bound has more digits than a double can distinguish: stay one unit away.
            let value = if up { value.checked_add(1)? } else { value.checked_sub(1)? };
            (false, value)
        };
        let step = i128::from(out && exact);
        Some(Some(if up { value.checked_add(step)? } else { value.checked_sub(step)? }))
    };
    let (low, high) = (end(low, true)?, end(high, false)?);
    Some(match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, if low < most { most } else { low.checked_mul(10)? }),
        (None, Some(high)) => (if high > -most { -most } else { high.checked_mul(10)? }, high),
        (None, None) => (-most, most),
    })
}

/// Returns the multiples of a fractional step between two bounds.
fn multiples(low: Bound, high: Bound, step: Decimal) -> Digits {
    let most = Decimal { digits: 999_999_999, scale: 0 };
    let least = Decimal { digits: -999_999_999, scale: 0 };
    let ends = (|| {
        let nearest = |bound: Bound, up: bool, else_: Decimal| -> Option<Decimal> {
            let (bound, out) = bound.unwrap_or((else_, false));
            let scale = bound.scale.max(step.scale);
            let (value, unit) = (bound.at(scale)?, step.at(scale)?.checked_abs()?);
            let at =
                if up { ceiling(value, unit) } else { value.div_euclid(unit).checked_mul(unit)? };
            let at = if out && at == value {
                if up { at.checked_add(unit)? } else { at.checked_sub(unit)? }
            } else {
                at
            };
            Some(Decimal { digits: at, scale }.reduced())
        };
        Some((nearest(low, true, least)?, nearest(high, false, most)?))
    })();
    let Some((low, high)) = ends else { return Digits::Inexact };
    match low.compare(high) {
        Some(std::cmp::Ordering::Greater) => return Digits::None,
        None => return Digits::Inexact,
        _ => {}
    }
    if step.scale > 6 || low.digits.abs() > INTEGER || high.digits.abs() > INTEGER {
        return Digits::Inexact;
    }
    // So few that each is listed; that is exact in every parser.
    let scale = low.scale.max(high.scale).max(step.scale);
    if let (Some(from), Some(to), Some(unit)) = (low.at(scale), high.at(scale), step.at(scale))
        && let Some(count) = to.checked_sub(from).and_then(|width| width.checked_div(unit))
        && count < 512
    {
        let all = (0..=count).map(|n| {
            let digits = from.saturating_add(n.saturating_mul(unit));
            Decimal { digits, scale }.reduced().text().replace('.', "\\.")
        });
        return Digits::Expression(format!("(?:{})", all.collect::<Vec<_>>().join("|")));
    }
    if step.digits > STEP_MAX.saturating_mul(10) {
        return Digits::Inexact;
    }
    Digits::Library(format!(
        "{{\"type\":\"number\",\"minimum\":{},\"maximum\":{},\"multipleOf\":{}}}",
        low.text(),
        high.text(),
        step.text()
    ))
}

/// Matches numbers that are not integers.
pub(super) const FRACTIONS: &str = r"-?(?:0|[1-9][0-9]{0,8})\.[0-9]{0,5}[1-9]";

/// Matches the integers from `low` to `high`.
fn integer_range(low: i128, high: i128) -> String {
    let mut parts = Vec::new();
    if low < 0 {
        let (near, far) = ((-high).max(1), -low);
        if near <= far {
            parts.push(format!("-(?:{})", natural_range(near, far)));
        }
    }
    if high >= 0 {
        parts.push(natural_range(low.max(0), high));
    }
    format!("(?:{})", parts.join("|"))
}

/// Matches the natural numbers from `low` to `high`.
fn natural_range(low: i128, high: i128) -> String {
    let mut parts = Vec::new();
    let mut from = low;
    while from <= high {
        // All numbers of one length.
        let digits = from.checked_ilog10().unwrap_or(0);
        let longest =
            power(digits.saturating_add(1)).map_or(high, |next| next.saturating_sub(1)).min(high);
        let least = if digits == 0 { 0 } else { power(digits).unwrap_or(0) };
        if from == least.max(i128::from(digits > 0))
            && power(digits.saturating_add(1)).is_some_and(|next| longest == next - 1)
            && digits > 0
        {
            parts.push(format!("[1-9][0-9]{{{digits}}}"));
        } else {
            parts.push(same_length(&from.to_string(), &longest.to_string()));
        }
        let Some(next) = longest.checked_add(1) else { break };
        from = next;
    }
    parts.join("|")
}

/// Matches the digits between two numbers of the same length.
fn same_length(low: &str, high: &str) -> String {
    let digits =
        |text: &str| text.bytes().map(|byte| byte.saturating_sub(b'0')).collect::<Vec<u8>>();
    between(&digits(low), &digits(high))
}

/// Matches one digit.
fn class(low: u8, high: u8) -> String {
    if low == high { low.to_string() } else { format!("[{low}-{high}]") }
}

/// Matches `count` digits.
fn any(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        count => format!("[0-9]{{{count}}}"),
    }
}

/// Matches the digits from `low` to `high`, which have the same length.
fn between(low: &[u8], high: &[u8]) -> String {
    let (Some((&a, low_rest)), Some((&b, high_rest))) = (low.split_first(), high.split_first())
    else {
        return String::new();
    };
    if a == b {
        return format!("{a}{}", between(low_rest, high_rest));
    }
    let rest = low_rest.len();
    let low_open = low_rest.iter().all(|&digit| digit == 0);
    let high_open = high_rest.iter().all(|&digit| digit == 9);
    let from = if low_open { a } else { a.saturating_add(1) };
    let to = if high_open { b } else { b.saturating_sub(1) };
    let mut parts = Vec::new();
    if !low_open {
        parts.push(format!("{a}{}", between(low_rest, &vec![9; rest])));
    }
    if from <= to {
        parts.push(format!("{}{}", class(from, to), any(rest)));
    }
    if !high_open {
        parts.push(format!("{b}{}", between(&vec![0; rest], high_rest)));
    }
    format!("(?:{})", parts.join("|"))
}

/// Matches the decimals from `low` to `high`, both in units of `10^-scale`, with or without
/// trailing zeros.
fn decimal_range(low: i128, high: i128, scale: u32) -> String {
    let unit = power(scale).unwrap_or(1);
    let (low_whole, low_part) = (low / unit, low % unit);
    let (high_whole, high_part) = (high / unit, high % unit);
    let width = usize::try_from(scale).unwrap_or(0);
    let digits = |part: i128| -> Vec<u8> {
        if width == 0 {
            return Vec::new();
        }
        format!("{part:0width$}").bytes().map(|byte| byte.saturating_sub(b'0')).collect()
    };
    let (least, most) = (vec![0; width], vec![9; width]);
    if low_whole == high_whole {
        return format!("{low_whole}{}", fraction(&digits(low_part), &digits(high_part)));
    }
    let mut parts = vec![format!("{low_whole}{}", fraction(&digits(low_part), &most))];
    let (from, to) = (low_whole.saturating_add(1), high_whole.saturating_sub(1));
    if from <= to {
        parts.push(format!("(?:{}){}", natural_range(from, to), fraction(&least, &most)));
    }
    parts.push(format!("{high_whole}{}", fraction(&least, &digits(high_part))));
    format!("(?:{})", parts.join("|"))
}

/// Matches the fraction: a point and digits, or the empty text if `low` is 0.
fn fraction(low: &[u8], high: &[u8]) -> String {
    let none = low.iter().all(|&digit| digit == 0);
    let some = tail(low, high, true);
    match (none, some) {
        (_, None) => String::new(),
        (true, Some(some)) => format!("(?:\\.{some})?"),
        (false, Some(some)) => format!("\\.{some}"),
    }
}

/// Matches the digits of a fraction from `low` to `high`. Trailing zeros may be missing. `None` if
/// there are no digits.
fn tail(low: &[u8], high: &[u8], first: bool) -> Option<String> {
    let (Some((&a, low_rest)), Some((&b, high_rest))) = (low.split_first(), high.split_first())
    else {
        return (!first).then(String::new);
    };
    let rest = low_rest.len();
    let stops = !first && low.iter().all(|&digit| digit == 0);
    let free =
        |count: usize| if count == 0 { String::new() } else { format!("[0-9]{{0,{count}}}") };
    let mut parts = Vec::new();
    if a == b {
        parts.push(format!("{a}{}", tail(low_rest, high_rest, false).unwrap_or_default()));
    } else {
        let low_open = low_rest.iter().all(|&digit| digit == 0);
        let high_open = high_rest.iter().all(|&digit| digit == 9);
        let from = if low_open { a } else { a.saturating_add(1) };
        let to = if high_open { b } else { b.saturating_sub(1) };
        if !low_open {
            parts.push(format!("{a}{}", tail(low_rest, &vec![9; rest], false).unwrap_or_default()));
        }
        if from <= to {
            parts.push(format!("{}{}", class(from, to), free(rest)));
        }
        if !high_open {
            parts
                .push(format!("{b}{}", tail(&vec![0; rest], high_rest, false).unwrap_or_default()));
        }
    }
    let all = format!("(?:{})", parts.join("|"));
    Some(if stops { format!("{all}?") } else { all })
}
