//! The identity providers: fetches their keys when they are due, and verifies tokens with them. What
//! is due and what is valid are decided in `policy::token`.

mod discovery;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use egress::Egress;
use policy::token::{Keys, Lookup, Patience, Presented, TokenRefused, Trust, VerifiedToken};
use tokio::sync::OwnedMutexGuard;

use crate::clock;

/// The identity providers that the operator configured. Clones share their keys.
#[derive(Debug, Clone)]
pub struct Providers {
    egress: Egress,
    providers: Arc<RwLock<Vec<Arc<Provider>>>>,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] TokenRefused),
    /// Its issuer's keys are not there: for longer than they are believed, it gave none.
    #[error("the issuer's keys cannot be fetched")]
    Unavailable,
}

#[derive(Debug)]
struct Provider {
    issuer: String,
    keys: RwLock<Keys>,
    /// Held by whoever fetches keys: one at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl Providers {
    /// Those that are trusted. Nobody is dialed yet.
    #[must_use]
    pub fn new(trusts: Vec<Trust>, egress: Egress) -> Self {
        let providers = trusts.into_iter().map(Provider::new).collect();
        Self { egress, providers: Arc::new(RwLock::new(providers)) }
    }

    /// Trusts these issuers from now on, and no others; for all clones. The keys of those whose trust has
    /// not changed are kept.
    pub fn replace(&self, trusts: Vec<Trust>) {
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        let kept = |trust: Trust| {
            let same = |provider: &&Arc<Provider>| *provider.read().trust() == trust;
            providers.iter().find(same).cloned().unwrap_or_else(|| Provider::new(trust.clone()))
        };
        *providers = trusts.into_iter().map(kept).collect();
    }

    fn all(&self) -> Vec<Arc<Provider>> {
        self.providers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys of all providers, so that the operator sees at once when that fails.
    pub async fn warm(self) {
        for provider in self.all() {
            // No key has the empty name: it is looked up, and fetched, in vain.
            provider.prepare("", &self.egress).await;
        }
    }

    /// Verifies a token, with keys that are fetched where that is due.
    ///
    /// # Errors
    /// When it is refused, or its issuer's keys are not there.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Unverified> {
        let presented = Presented::parse(token)?;
        let is_its = |provider: &Arc<Provider>| provider.issuer == presented.issuer();
        let provider = self.all().into_iter().find(is_its).ok_or(TokenRefused::Issuer)?;
        provider.prepare(presented.key_id(), &self.egress).await;
        let keys = provider.read();
        match keys.lookup(presented.key_id(), clock::read().boottime_ms) {
            // By the time that never runs backwards: a token that has expired stays expired, also
            // when the wall clock is set back.
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
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that the key of this name is there, if the issuer has it.
    async fn prepare(self: &Arc<Self>, id: &str, egress: &Egress) {
        match self.need(id) {
            Need::Nothing => {}
            // Nobody waits for keys that are to replace others that still work.
            Need::Soon => {
                if let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() {
                    drop(tokio::spawn(Arc::clone(self).fetch(egress.clone(), turn)));
                }
            }
            Need::Now => {
                let turn = Arc::clone(&self.fetching).lock_owned().await;
                // Whoever had the turn before may have fetched it.
                if self.need(id) != Need::Nothing {
                    // A task of its own: whoever began it may hang up, and the interval is taken.
                    let fetch = tokio::spawn(Arc::clone(self).fetch(egress.clone(), turn));
                    if fetch.await.is_err() {
                        tracing::error!("fetching an issuer's keys failed in an unexpected way");
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
                // It may have taken longer than the pause: whoever waited does not try again.
                keys.fetching(clock::read().boottime_ms);
                let keys = keys.len();
                tracing::error!(issuer, keys, %error, "an issuer's keys cannot be fetched");
            }
        }
        drop(turn);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Soon,
    Now,
}
