//! Exact sums of money, as the API writes amounts: decimal numbers with at most twelve decimals.

use std::fmt;

/// Decimals of an amount: six of a price, and six because prices are per million tokens.
const DECIMALS: usize = 12;
const ONE: u128 = 1_000_000_000_000;

/// An amount of money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Money(u128);

impl Money {
    /// Reads an amount of the API.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > DECIMALS {
            return None;
        }
        let whole = whole.parse::<u128>().ok()?.checked_mul(ONE)?;
        let part = format!("{part:0<DECIMALS$}").parse::<u128>().ok()?;
        whole.checked_add(part).map(Self)
    }

    /// Adds another amount.
    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Writes at least two decimals, and no further zeros at the end.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0DECIMALS$}", self.0 % ONE);
        write!(f, "{}.{:0<2}", self.0 / ONE, part.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        let read = |text| Money::read(text).unwrap();
        assert_eq!(read("0.1").plus(read("0.2")).to_string(), "0.30");
        assert_eq!(read("0.000000000001").plus(read("12")).to_string(), "12.000000000001");
        assert_eq!(Money::default().to_string(), "0.00");
        for bad in
            ["", "-1", "1e3", "1.0000000000001", ".5", "1,5", "99999999999999999999999999999"]
        {
            assert_eq!(Money::read(bad), None, "{bad}");
        }
    }
}
