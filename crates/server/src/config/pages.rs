//! `[pages]`: the pages of people who sign in, at the desks and at the operations listener.

use serde::{Deserialize, Serialize};

use super::within;

/// Settings of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PagesConfig {
    /// Minutes without a request after which a session ends.
    #[serde(deserialize_with = "within::<1, 1_440, _, _>")]
    pub idle_minutes: u64,
    /// Hours after which a session ends. A token that expires ends it earlier.
    #[serde(deserialize_with = "within::<1, 48, _, _>")]
    pub session_hours: u64,
    /// The address of the owner desk as browsers see it, if a proxy stands before it:
    /// `https://desk.example.com`. By default the `Host` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk_url: Option<String>,
    /// The address of the review desk as browsers see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_url: Option<String>,
}

impl Default for PagesConfig {
    fn default() -> Self {
        Self { idle_minutes: 30, session_hours: 12, desk_url: None, review_url: None }
    }
}
