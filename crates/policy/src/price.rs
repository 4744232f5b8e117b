//! The cost of tokens: exact decimal arithmetic in whole numbers, without rounding.

use std::{fmt, str::FromStr};

/// A price per million tokens, in millionths of the currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(u64);

/// The text is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a price: write it as a text such as \"0.15\", at most 1000000, with at most six decimals"
)]
pub struct BadPrice;

/// The highest price, in units of the currency.
const UNITS_MAX: u64 = 1_000_000;

/// The maximum number of decimals of a price.
const DECIMALS: usize = 6;

impl FromStr for Price {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Self, BadPrice> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole, 7) || !is_number(part, DECIMALS) {
            return Err(BadPrice);
        }
        let whole: u64 = whole.parse().map_err(|_| BadPrice)?;
        let part: u64 = format!("{part:0<DECIMALS$}").parse().map_err(|_| BadPrice)?;
        let millionths = whole * 1_000_000 + part;
        if millionths > UNITS_MAX * 1_000_000 { Err(BadPrice) } else { Ok(Self(millionths)) }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, u128::from(self.0), 6)
    }
}

/// The token prices of one deployment or model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tariff {
    /// Price of a million prompt tokens that were processed.
    pub prompt: Price,
    /// Price of a million prompt tokens from the tenant's cache.
    pub cached: Price,
    /// Price of a million generated tokens.
    pub completion: Price,
}

/// Billed tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Prompt tokens, including the cached ones.
    pub prompt: u64,
    /// Prompt tokens from a cache.
    pub cached: u64,
    /// Generated tokens.
    pub completion: u64,
}

impl Tariff {
    /// Returns the cost of these tokens.
    #[must_use]
    pub fn amount(&self, tokens: Tokens) -> Amount {
        let of = |count: u64, price: Price| u128::from(count) * u128::from(price.0);
        // Cached tokens cannot exceed prompt tokens.
        let cached = tokens.cached.min(tokens.prompt);
        Amount(
            of(tokens.prompt - cached, self.prompt)
                .saturating_add(of(cached, self.cached))
                .saturating_add(of(tokens.completion, self.completion)),
        )
    }
}

/// An amount of money, exact: 10^-12 of the currency's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount(u128);

impl Amount {
    /// Returns the sum of both amounts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0, 12)
    }
}

/// Writes a number with at least two decimals and without further trailing zeros.
fn decimal(f: &mut fmt::Formatter<'_>, number: u128, decimals: u32) -> fmt::Result {
    let one = 10_u128.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or_default();
    let part = format!("{:0width$}", number % one);
    write!(f, "{}.{:0<2}", number / one, part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly_or_not_at_all() {
        for (text, shown) in [
            ("0.15", "0.15"),
            ("2", "2.00"),
            ("0.000001", "0.000001"),
            ("1000000", "1000000.00"),
            ("00.10", "0.10"),
        ] {
            assert_eq!(text.parse::<Price>().unwrap().to_string(), shown);
        }
        for text in ["", ".5", "1.", "-1", "+1", "1e3", "0.0000001", "1,5", "1000000.1", "99999999"]
        {
            assert_eq!(text.parse::<Price>(), Err(BadPrice), "{text}");
        }
    }

    #[test]
    fn amounts_are_exact_and_parts_add_up_to_the_whole() {
        let price = |text: &str| text.parse().unwrap();
        let tariff =
            Tariff { prompt: price("0.15"), cached: price("0.075"), completion: price("0.6") };
        let whole = Tokens { prompt: 1_000_000, cached: 400_000, completion: 1_000_000 };
        assert_eq!(tariff.amount(whole).to_string(), "0.72");
        let one = Tokens { prompt: 1, cached: 0, completion: 0 };
        assert_eq!(tariff.amount(one).to_string(), "0.00000015");
        assert_eq!(Amount::default().to_string(), "0.00");
        let sum = (0..7).fold(Amount::default(), |sum, _| sum.plus(tariff.amount(one)));
        assert_eq!(sum, tariff.amount(Tokens { prompt: 7, ..one }));
        let most = Tokens { prompt: u64::MAX, cached: u64::MAX, completion: u64::MAX };
        assert!(tariff.amount(most).to_string().len() > 10, "no overflow");
    }
}
