//! The allow-list, its permits, and the counters of their use.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use hyper::Uri;
use tokio_rustls::TlsConnector;

use crate::{
    destination::{BadDestination, Destination},
    held::Tokens,
    idle::Idle,
    resolve::{Resolve, System},
    tls,
};

/// The destinations that may be dialed. Clones share the list and its counters.
#[derive(Debug, Clone)]
pub struct Egress {
    lists: Arc<RwLock<Lists>>,
    resolver: Arc<dyn Resolve>,
    refused: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Lists {
    /// The destinations that may be dialed.
    listed: Vec<Arc<Listed>>,
    /// The destinations that were dialed and may not be dialed any more.
    former: Vec<Arc<Listed>>,
}

/// A destination that is ready to be dialed.
pub(crate) struct Listed {
    pub(crate) destination: Destination,
    /// The destination as text, with its port.
    pub(crate) origin: String,
    /// Set for `https`.
    pub(crate) tls: Option<TlsConnector>,
    /// The open connections that no exchange uses.
    pub(crate) idle: Arc<Idle>,
    /// The access token, if the destination has such a credential.
    pub(crate) tokens: Tokens,
    count: Arc<Count>,
}

/// The counters of a place. They outlive the list.
#[derive(Debug, Default)]
struct Count {
    dials: AtomicU64,
    requests: AtomicU64,
    answers: AtomicU64,
}

/// Permission to request one URL, once. It does not restrict the data that is sent there.
///
/// Only [`Egress::permit`] makes one, and it is not `Clone`.
///
/// ```compile_fail
/// fn twice(egress: &egress::Egress, permit: egress::EgressPermit, limits: egress::ExchangeLimits) {
///     let _ = egress.get(permit, limits);
///     let _ = egress.get(permit, limits);
/// }
/// ```
#[derive(Debug)]
#[must_use = "an unused permit dials nothing"]
pub struct EgressPermit {
    pub(crate) listed: Arc<Listed>,
    pub(crate) uri: Uri,
}

/// The URL does not belong to a listed destination. Nothing was dialed or resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// The URL belongs to another destination.
    #[error("`{origin}` is not a listed destination")]
    Elsewhere {
        /// The URL's origin.
        origin: String,
    },
    /// The text is not a URL that could be dialed.
    #[error("this is not a URL that begins with `https://` or `http://`")]
    NoUrl,
}

/// The counters of a destination since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visits {
    /// The destination's origin.
    pub destination: String,
    /// The number of started connections, with any outcome.
    pub dials: u64,
    /// The number of requests that were sent, completely or in part. It can be larger than the
    /// number of connections: a connection is kept for some seconds and used again.
    pub requests: u64,
    /// The number of complete answers, with any status.
    pub answers: u64,
    /// True if it may still be dialed.
    pub listed: bool,
}

impl Egress {
    /// Allows only these destinations. An empty list allows nothing.
    ///
    /// # Errors
    /// [`BadDestination`] if a destination is listed twice, is plain HTTP to another machine
    /// without explicit consent, has a pinned key and no TLS, or trusts a certificate that is not an
    /// authority.
    pub fn new(
        destinations: impl IntoIterator<Item = Destination>,
    ) -> Result<Self, BadDestination> {
        Self::with_resolver(destinations, Arc::new(System))
    }

    /// Like [`Egress::new`], with another resolver than the system's.
    ///
    /// # Errors
    /// As for [`Egress::new`].
    pub fn with_resolver(
        destinations: impl IntoIterator<Item = Destination>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, BadDestination> {
        let mut listed: Vec<Arc<Listed>> = Vec::new();
        for destination in destinations {
            if listed.iter().any(|other| other.destination.is_at(&destination)) {
                return Err(BadDestination::Twice);
            }
            let open = destination.secure || destination.plaintext;
            if !open && !destination.host.is_local() {
                return Err(BadDestination::Plaintext);
            }
            if destination.pin.is_some() && !destination.secure {
                return Err(BadDestination::Pin);
            }
            let tls = if destination.secure { Some(tls::connector(&destination)?) } else { None };
            listed.push(Arc::new(Listed::new(destination, tls, Arc::default())));
        }
        let lists = Arc::new(RwLock::new(Lists { listed, former: Vec::new() }));
        Ok(Self { lists, resolver, refused: Arc::default() })
    }

    /// Replaces the list by that of `other`, for all clones. Exchanges in progress continue. Idle
    /// connections of removed and changed destinations are closed. The counters stay, also those of
    /// removed destinations.
    pub fn replace(&self, other: &Self) {
        let next = other.lists().listed.clone();
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let old = lists.listed.clone();
        let before: Vec<_> = old.iter().chain(&lists.former).cloned().collect();
        lists.listed = next
            .into_iter()
            .map(|listed| {
                let same = old.iter().find(|one| one.destination == listed.destination);
                if let Some(same) = same {
                    return Arc::clone(same);
                }
                let known = before.iter().find(|one| one.destination.is_at(&listed.destination));
                let Some(known) = known else { return listed };
                let Listed { destination, tls, .. } = &*listed;
                let (destination, tls) = (destination.clone(), tls.clone());
                Arc::new(Listed::new(destination, tls, Arc::clone(&known.count)))
            })
            .collect();
        let is_used = |one: &Arc<Listed>| lists.listed.iter().any(|kept| Arc::ptr_eq(kept, one));
        old.iter().filter(|one| !is_used(one)).for_each(|one| one.idle.close());
        let stays = |one: &Arc<Listed>| {
            lists.listed.iter().any(|listed| listed.destination.is_at(&one.destination))
        };
        let gone = before.iter().filter(|one| one.dials() > 0 && !stays(one)).cloned();
        lists.former = gone.collect();
    }

    /// Returns a permit if the URL belongs to a listed destination.
    ///
    /// # Errors
    /// [`NotListed`] otherwise. The refusal is counted.
    pub fn permit(&self, url: &str) -> Result<EgressPermit, NotListed> {
        let permit = self.find(url);
        if permit.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        permit
    }

    fn lists(&self) -> RwLockReadGuard<'_, Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, url: &str) -> Result<EgressPermit, NotListed> {
        let uri: Uri = url.parse().map_err(|_| NotListed::NoUrl)?;
        let wanted = Destination::of(&uri).map_err(|_| NotListed::NoUrl)?;
        let lists = self.lists();
        match lists.listed.iter().find(|listed| listed.destination.is_at(&wanted)) {
            Some(listed) => Ok(EgressPermit { listed: Arc::clone(listed), uri }),
            None => Err(NotListed::Elsewhere { origin: wanted.to_string() }),
        }
    }

    /// Returns how often each destination was dialed: these are all connections out of the machine.
    /// The listed destinations come first, in the list's order; then the removed ones.
    #[must_use]
    pub fn visits(&self) -> Vec<Visits> {
        let visits = |one: &Arc<Listed>, listed| Visits {
            destination: one.origin.clone(),
            dials: one.dials(),
            requests: one.count.requests.load(Ordering::Relaxed),
            answers: one.count.answers.load(Ordering::Relaxed),
            listed,
        };
        let lists = self.lists();
        let listed = lists.listed.iter().map(|one| visits(one, true));
        listed.chain(lists.former.iter().map(|one| visits(one, false))).collect()
    }

    /// Returns how often a permit for an unlisted URL was requested.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn resolver(&self) -> &dyn Resolve {
        &*self.resolver
    }
}

impl EgressPermit {
    /// Returns the destination's origin.
    #[must_use]
    pub fn destination(&self) -> String {
        self.listed.origin.clone()
    }
}

impl Listed {
    fn new(destination: Destination, tls: Option<TlsConnector>, count: Arc<Count>) -> Self {
        let (origin, idle) = (destination.to_string(), Arc::default());
        let tokens = Tokens::default();
        Self { destination, origin, tls, idle, tokens, count }
    }

    /// Counts a dial. Called before the connection is started.
    pub(crate) fn dialing(&self) {
        self.count.dials.fetch_add(1, Ordering::Relaxed);
    }

    fn dials(&self) -> u64 {
        self.count.dials.load(Ordering::Relaxed)
    }

    /// Counts a request. Called before it is sent.
    pub(crate) fn requesting(&self) {
        self.count.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back the count of a request of which no byte was sent.
    pub(crate) fn not_requested(&self) {
        self.count.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.count.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listed({})", self.origin)
    }
}
