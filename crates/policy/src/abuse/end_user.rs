//! End users of a resource, by a keyed hash of their name.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Observation,
    window::{Crossing, Window},
};
use crate::workflow::review::Category;

/// A keyed hash of `safety_identifier` or `user`, in hexadecimal where it is written. Names can
/// be tried against it only with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pseudonym(pub [u8; 16]);

/// A text is not a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an end user is named by 32 hexadecimal digits")]
pub struct BadPseudonym;

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Pseudonym {
    type Err = BadPseudonym;

    fn from_str(text: &str) -> Result<Self, BadPseudonym> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadPseudonym);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| BadPseudonym)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// The state of one end user of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndUser {
    window: Window,
    last_ms: u64,
    /// How often the end user's own requests reached the limit.
    crossings: u32,
    /// Requests with points, by category.
    hits: BTreeMap<String, u32>,
}

impl EndUser {
    pub(super) fn observe(
        &self,
        seen: &Observation,
        worst: Option<(Category, u32)>,
        limit: u32,
    ) -> (Self, Option<Crossing>) {
        let mut next = self.clone();
        next.last_ms = next.last_ms.max(seen.at_ms);
        let (counted, crossing) = next.window.add(seen.text, worst, limit);
        if let Some((category, _)) = worst.filter(|_| counted > 0) {
            let hits = next.hits.entry(category.name().to_owned()).or_default();
            *hits = hits.saturating_add(1);
        }
        next.crossings = next.crossings.saturating_add(u32::from(crossing.is_some()));
        (next, crossing)
    }

    /// Returns true if there is nothing to remember: no request in the window has points, and none
    /// has ever reached the limit.
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        self.window.is_clean() && self.crossings == 0
    }

    /// Returns the time of the last request.
    #[must_use]
    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// Returns how often the end user's own requests reached the limit: at least once makes a
    /// potentially abusive end user.
    #[must_use]
    pub fn crossings(&self) -> u32 {
        self.crossings
    }

    /// Returns the points since the last crossing in the window.
    #[must_use]
    pub fn points(&self) -> u32 {
        self.window.points()
    }

    /// Returns the harmful requests by category; a repeated text counts once.
    pub fn hits(&self) -> impl Iterator<Item = (&str, u32)> {
        self.hits.iter().map(|(category, hits)| (category.as_str(), *hits))
    }
}
