//! The keys of one issuer over time: when to fetch them, which to trust, and until when.
//!
//! A pure state machine. The caller passes the time in monotonic milliseconds and reports each
//! fetch; the machine says when a fetch is due. Each issuer has its own `Keys`, so a key name that
//! two issuers use finds the right key for each.

use super::{
    claims::Trust,
    jwks::{KeySet, PublicKey},
};

/// How long keys are trusted, and how often they are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this time a set is fetched again, so that a withdrawn key stops working.
    pub refresh_ms: u64,
    /// While the issuer does not answer, the old set is trusted up to this age. After that, no key
    /// is trusted.
    pub believed_ms: u64,
    /// The minimum time between two fetches: invented key names cause no additional fetches.
    pub interval_ms: u64,
    /// The minimum time between two fetches while there is no key at all and every token is
    /// refused.
    pub retry_ms: u64,
}

impl Default for Patience {
    /// One hour; one day; 30 seconds; 5 seconds.
    fn default() -> Self {
        let minute_ms = 60 * 1000;
        Self {
            refresh_ms: 60 * minute_ms,
            believed_ms: 24 * 60 * minute_ms,
            interval_ms: minute_ms / 2,
            retry_ms: minute_ms / 12,
        }
    }
}

/// One trusted issuer, and its keys.
#[derive(Debug)]
pub struct Keys {
    trust: Trust,
    patience: Patience,
    set: Option<(KeySet, u64)>,
    tried_ms: Option<u64>,
}

/// A key with its issuer and its name, for [`super::Presented::verify`].
#[derive(Debug, Clone, Copy)]
pub struct IssuerKey<'a> {
    pub(super) trust: &'a Trust,
    pub(super) id: &'a str,
    pub(super) key: &'a PublicKey,
}

/// The result of looking up a key's name.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// The key.
    Found(IssuerKey<'a>),
    /// The key, from a set that is due for a refresh. One caller should fetch the set; the others
    /// go on.
    Due(IssuerKey<'a>),
    /// No result before a fetch. Call [`Keys::fetching`], fetch, and look up again.
    Fetch,
    /// The key does not exist, and it is too soon for another fetch.
    Unknown,
    /// There are no keys at all, and it is too soon for another fetch: the issuer does not answer.
    Unavailable,
}

impl Keys {
    /// Starts without keys.
    #[must_use]
    pub fn new(trust: Trust, patience: Patience) -> Self {
        Self { trust, patience, set: None, tried_ms: None }
    }

    /// Returns the issuer and its trust settings.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Looks a key up by its exact name.
    #[must_use]
    pub fn lookup(&self, id: &str, now_ms: u64) -> Lookup<'_> {
        let since = |then: u64| now_ms.saturating_sub(then);
        let untried_for = |pause_ms| self.tried_ms.is_none_or(|tried| since(tried) >= pause_ms);
        let believed = |set: &&(KeySet, u64)| since(set.1) < self.patience.believed_ms;
        let Some((set, fetched_ms)) = self.set.as_ref().filter(believed) else {
            let may_try = untried_for(self.patience.retry_ms);
            return if may_try { Lookup::Fetch } else { Lookup::Unavailable };
        };
        let may_try = untried_for(self.patience.interval_ms);
        let Some((id, key)) = set.keys.get_key_value(id) else {
            return if may_try { Lookup::Fetch } else { Lookup::Unknown };
        };
        let key = IssuerKey { trust: &self.trust, id, key };
        if may_try && since(*fetched_ms) >= self.patience.refresh_ms {
            Lookup::Due(key)
        } else {
            Lookup::Found(key)
        }
    }

    /// Records the start of a fetch. After any outcome, the next fetch waits one interval.
    pub fn fetching(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
    }

    /// Stores the result of a fetch that began at `now_ms`. It replaces the whole old set, so a key
    /// that the issuer no longer serves is no longer trusted.
    pub fn fetched(&mut self, set: KeySet, now_ms: u64) {
        self.set = Some((set, now_ms));
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.as_ref().map_or(0, |(set, _)| set.keys.len())
    }

    /// Returns true if there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
