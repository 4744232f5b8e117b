//! The keys of one issuer over time: when to fetch them, which to believe, and until when.
//!
//! A pure state machine: it is told the time, says when a fetch is due, and is told how that went.
//! Time is whatever monotonic milliseconds the caller passes. The keys of two issuers are never in
//! one place, so a name that both use means the right key for each.

use super::{
    claims::Trust,
    jwks::{KeySet, PublicKey},
};

/// How long keys are believed, and how often they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this long a set is fetched again, so that a key that was withdrawn stops working.
    pub refresh_ms: u64,
    /// As long as the issuer does not answer, an older set is believed until it is this old. Then
    /// nothing is.
    pub believed_ms: u64,
    /// A fetch begins at most this often: whoever invents key names causes no more of them.
    pub interval_ms: u64,
    /// The same, as long as there is no key at all and every token is refused.
    pub retry_ms: u64,
}

impl Default for Patience {
    /// An hour; a day; half a minute; five seconds.
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

/// A key with whose it is and what it is called there, for [`super::Presented::verify`].
#[derive(Debug, Clone, Copy)]
pub struct IssuerKey<'a> {
    pub(super) trust: &'a Trust,
    pub(super) id: &'a str,
    pub(super) key: &'a PublicKey,
}

/// What there is to a key's name.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// The key.
    Found(IssuerKey<'a>),
    /// The key, of a set that is due to be fetched again. Whoever has the time does so; the others
    /// go on.
    Due(IssuerKey<'a>),
    /// Nothing before a fetch. Begin one, say so, and look again.
    Fetch,
    /// No such key, and it is too soon to ask again.
    Unknown,
    /// No keys at all, and it is too soon to ask again: the issuer does not answer.
    Unavailable,
}

impl Keys {
    /// No keys yet.
    #[must_use]
    pub fn new(trust: Trust, patience: Patience) -> Self {
        Self { trust, patience, set: None, tried_ms: None }
    }

    /// Who serves the keys, and for what they are trusted.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Looks a key up by its whole name.
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

    /// Says that a fetch begins. However it ends, the next one is an interval away.
    pub fn fetching(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
    }

    /// Takes what a fetch that began at `now_ms` gave, in place of all that was there: what the
    /// issuer does not serve any more is not believed any more.
    pub fn fetched(&mut self, set: KeySet, now_ms: u64) {
        self.set = Some((set, now_ms));
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.as_ref().map_or(0, |(set, _)| set.keys.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
