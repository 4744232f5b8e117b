//! The identity providers: fetches their keys when they are due, and verifies tokens with them.
//! `policy::token` decides which keys are due and which tokens are valid.

mod discovery;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use egress::{Egress, ExchangeLimits};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use policy::token::{Keys, Lookup, Patience, Presented, TokenRefused, Trust, VerifiedToken};
use tokio::sync::OwnedMutexGuard;

pub(crate) use self::discovery::{DiscoveryError, Endpoints};
use crate::clock;

/// The identity providers that the operator configured. Clones share the keys.
#[derive(Debug, Clone)]
pub(crate) struct Providers {
    egress: Egress,
    providers: Arc<RwLock<Vec<Arc<Provider>>>>,
}

/// Reason that a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unverified {
    /// The token is refused.
    #[error(transparent)]
    Refused(#[from] TokenRefused),
    /// The issuer's keys are missing or too old, and cannot be fetched now.
    #[error("the issuer's keys cannot be fetched")]
    Unavailable,
}

#[derive(Debug)]
struct Provider {
    issuer: String,
    keys: RwLock<Keys>,
    /// Held by the task that fetches keys: one at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl Providers {
    /// Makes the providers from the trusted issuers. No connection is made yet.
    #[must_use]
    pub(crate) fn new(trusts: Vec<Trust>, egress: Egress) -> Self {
        let providers = trusts.into_iter().map(Provider::new).collect();
        Self { egress, providers: Arc::new(RwLock::new(providers)) }
    }

    /// Trusts these issuers from now on, and no others; for all clones. A provider whose trust has
    /// not changed keeps its keys.
    pub(crate) fn replace(&self, trusts: Vec<Trust>) {
        let mut providers = self.providers.write();
        let kept = |trust: Trust| {
            let same = |provider: &&Arc<Provider>| *provider.read().trust() == trust;
            providers.iter().find(same).cloned().unwrap_or_else(|| Provider::new(trust.clone()))
        };
        *providers = trusts.into_iter().map(kept).collect();
    }

    fn all(&self) -> Vec<Arc<Provider>> {
        self.providers.read().clone()
    }

    /// Fetches the keys of all providers, so that the operator sees a failure at once.
    pub(crate) async fn warm(self) {
        for provider in self.all() {
            // No key has the empty name, so the look-up fails and triggers a fetch.
            provider.prepare("", &self.egress).await;
        }
    }

    /// Fetches the addresses that people sign in with at an issuer.
    ///
    /// # Errors
    /// If the issuer does not answer, or its configuration has no such addresses.
    pub(crate) async fn endpoints(&self, issuer: &str) -> Result<Endpoints, DiscoveryError> {
        discovery::endpoints(&self.egress, issuer).await
    }

    /// Sends a form to an issuer's token endpoint, and returns the answer's body.
    ///
    /// # Errors
    /// If the endpoint is not on the egress list, does not answer, or refuses.
    pub(crate) async fn redeem(&self, url: &str, form: String) -> Result<Bytes, DiscoveryError> {
        let what = "token endpoint";
        let permit = self.egress.permit(url);
        let permit = permit.map_err(|error| DiscoveryError::NotListed { what, error })?;
        let limits = ExchangeLimits { time: REDEEM_TIME, body_bytes_max: TOKENS_BYTES_MAX };
        let answer = self.egress.post(permit, FORM, form.into(), limits).await;
        answer.and_then(egress::Answer::ok).map_err(|error| DiscoveryError::Egress { what, error })
    }

    /// Verifies a token, and fetches its issuer's keys first if they are due.
    ///
    /// # Errors
    /// [`Unverified::Refused`] if the token is refused, [`Unverified::Unavailable`] if its issuer's
    /// keys are missing.
    pub(crate) async fn verify(&self, token: &str) -> Result<VerifiedToken, Unverified> {
        let presented = Presented::parse(token)?;
        let is_its = |provider: &Arc<Provider>| provider.issuer == presented.issuer();
        let provider = self.all().into_iter().find(is_its).ok_or(TokenRefused::Issuer)?;
        provider.prepare(presented.key_id(), &self.egress).await;
        let keys = provider.read();
        match keys.lookup(presented.key_id(), clock::read().boottime_ms) {
            // Uses the time that never runs backwards: an expired token stays expired, even if the
            // wall clock is set back.
            Lookup::Found(key) | Lookup::Due(key) => {
                Ok(presented.verify(key, clock::now_ms() / 1000)?)
            }
            Lookup::Unknown => Err(TokenRefused::UnknownKey.into()),
            Lookup::Fetch | Lookup::Unavailable => Err(Unverified::Unavailable),
        }
    }
}

impl Provider {
    fn new(trust: Trust) -> Arc<Self> {
        let issuer = trust.issuer().to_owned();
        let keys = RwLock::new(Keys::new(trust, Patience::default()));
        Arc::new(Self { issuer, keys, fetching: Arc::default() })
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write()
    }

    /// Fetches the key of this id if it is missing or due, and the issuer may be asked again.
    ///
    /// | need | another fetch runs | no fetch runs |
    /// |---|---|---|
    /// | [`Need::Nothing`] | returns | returns |
    /// | [`Need::Soon`] | returns | starts a fetch, and returns |
    /// | [`Need::Now`] | waits for it, and decides again | starts a fetch, and waits for it |
    ///
    /// A fetch holds `fetching` until it ends, so that there is one at a time.
    async fn prepare(self: &Arc<Self>, id: &str, egress: &Egress) {
        match self.need(id) {
            Need::Nothing => {}
            // The current keys still work, so the request does not wait for the new ones.
            Need::Soon => {
                if let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() {
                    drop(tokio::spawn(Arc::clone(self).fetch(egress.clone(), turn)));
                }
            }
            Need::Now => {
                let turn = Arc::clone(&self.fetching).lock_owned().await;
                // The previous holder of the lock may have fetched the keys.
                if self.need(id) != Need::Nothing {
                    // A separate task: a caller that disconnects must not cancel a fetch that has
                    // used up the retry interval.
                    let fetch = tokio::spawn(Arc::clone(self).fetch(egress.clone(), turn));
                    if fetch.await.is_err() {
                        tracing::error!("the task that fetches an issuer's keys failed");
                    }
                }
            }
        }
    }

    fn need(&self, id: &str) -> Need {
        match self.read().lookup(id, clock::read().boottime_ms) {
            Lookup::Found(_) | Lookup::Unknown | Lookup::Unavailable => Need::Nothing,
            Lookup::Due(_) => Need::Soon,
            Lookup::Fetch => Need::Now,
        }
    }

    async fn fetch(self: Arc<Self>, egress: Egress, turn: OwnedMutexGuard<()>) {
        let begun_ms = clock::read().boottime_ms;
        self.write().fetching(begun_ms);
        let issuer = &self.issuer;
        match discovery::keys(&egress, issuer).await {
            Ok(set) => {
                let mut keys = self.write();
                keys.fetched(set, begun_ms);
                tracing::info!(issuer, keys = keys.len(), "fetched an issuer's keys");
            }
            Err(error) => {
                let mut keys = self.write();
                // The fetch may have taken longer than the pause: waiting callers must not try
                // again.
                keys.fetching(clock::read().boottime_ms);
                let keys = keys.len();
                tracing::error!(issuer, keys, %error, "an issuer's keys cannot be fetched");
            }
        }
        drop(turn);
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
/// Time limit for the exchange of a code for a token.
const REDEEM_TIME: Duration = Duration::from_secs(10);
/// Largest answer of a token endpoint, in bytes: tokens of three kinds, and their names.
const TOKENS_BYTES_MAX: usize = 128 * 1024;

/// How urgent it is to fetch an issuer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The key is known and fresh, or a fetch is not allowed yet.
    Nothing,
    /// The key is known, and due to be fetched again.
    Soon,
    /// The key is missing.
    Now,
}
