//! `[trust]`: the pages that people check the service with.

use pages::trust::SELF_TEST_DAYS_MAX;
use serde::{Deserialize, Serialize};

use super::within;

/// Settings of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrustConfig {
    /// Who sees the pages.
    pub pages: Audience,
    /// The contact for reports about weaknesses, for the page and for `security.txt` (RFC 9116).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_contact: Option<Contact>,
    /// Days for which a self-test counts.
    #[serde(deserialize_with = "within::<1, SELF_TEST_DAYS_MAX, _, _>")]
    pub self_test_days: u32,
}

impl Default for TrustConfig {
    fn default() -> Self {
        Self { pages: Audience::default(), security_contact: None, self_test_days: 7 }
    }
}

/// Who sees the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    /// Anybody who reaches the API's listener.
    Public,
    /// Callers of a resource, with its key or a token. A browser asks for the key.
    #[default]
    Customers,
    /// No one: there are no pages.
    Off,
}

/// An address that `security.txt` may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Contact(String);

/// The text is not such an address.
#[derive(Debug, thiserror::Error)]
#[error(
    "this is not a contact: write an address that begins with `mailto:`, `https://` or `tel:`, without blanks"
)]
pub(crate) struct NoContact;

impl Contact {
    /// Returns the address.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Contact {
    type Error = NoContact;

    fn try_from(text: String) -> Result<Self, NoContact> {
        let known = ["mailto:", "https://", "tel:"].iter().any(|scheme| text.starts_with(scheme));
        // A line break would begin another field of `security.txt`.
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if known && plain { Ok(Self(text)) } else { Err(NoContact) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_one_address() {
        for good in ["mailto:security@example.com", "https://example.com/security", "tel:+49-30-1"]
        {
            assert!(Contact::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in
            ["", "a@b", "javascript:alert(1)", "mailto:a@b\nHiring: x", "http://a", "mailto:a b"]
        {
            assert!(Contact::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
