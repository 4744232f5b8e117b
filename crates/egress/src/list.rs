//! The allow-list, the permits it gives, and the count of what they were used for.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use hyper::Uri;
use tokio_rustls::TlsConnector;

use crate::{
    destination::{BadDestination, Destination},
    dial,
    resolve::{Resolve, System},
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
    /// What may be dialed.
    listed: Vec<Arc<Listed>>,
    /// What was dialed, and may not be any more.
    former: Vec<Arc<Listed>>,
}

/// One destination, ready to be dialed.
pub(crate) struct Listed {
    pub(crate) destination: Destination,
    /// For `https`.
    pub(crate) tls: Option<TlsConnector>,
    count: Arc<Count>,
}

/// How often a place was dialed. It outlives the list that it stands in.
#[derive(Debug, Default)]
struct Count {
    dials: AtomicU64,
    answers: AtomicU64,
}

/// That one URL may be asked, once. It says nothing about what is sent there.
///
/// [`Egress::permit`] alone makes it, and it is not `Clone`.
///
/// ```compile_fail
/// fn twice(egress: &egress::Egress, permit: egress::EgressPermit, limits: egress::Limits) {
///     let _ = egress.get(permit, limits);
///     let _ = egress.get(permit, limits);
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that nobody uses dials nothing"]
pub struct EgressPermit {
    pub(crate) listed: Arc<Listed>,
    pub(crate) uri: Uri,
}

/// The URL leads to no listed destination. Nothing was dialed or looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// It leads somewhere else.
    #[error("`{origin}` is not a listed destination")]
    Elsewhere {
        /// Where it leads.
        origin: String,
    },
    /// It is no URL that could lead anywhere.
    #[error("this is no URL that begins with `https://` or `http://`")]
    NoUrl,
}

/// What a destination was dialed for, since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visits {
    /// The destination's origin.
    pub destination: String,
    /// Connections that were begun, whatever became of them.
    pub dials: u64,
    /// Answers that arrived whole, of whatever status.
    pub answers: u64,
    /// Whether it may still be dialed.
    pub listed: bool,
}

impl Egress {
    /// Allows these destinations, and nothing else. An empty list allows nothing.
    ///
    /// # Errors
    /// When a destination is listed twice, or is plain HTTP to another machine and does not say
    /// that this is wanted, or trusts what is no authority.
    pub fn new(
        destinations: impl IntoIterator<Item = Destination>,
    ) -> Result<Self, BadDestination> {
        Self::with_resolver(destinations, Arc::new(System))
    }

    /// The same, with another resolver than the system's.
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
            let tls = if destination.secure { Some(dial::connector(&destination)?) } else { None };
            listed.push(Arc::new(Listed { destination, tls, count: Arc::default() }));
        }
        let lists = Arc::new(RwLock::new(Lists { listed, former: Vec::new() }));
        Ok(Self { lists, resolver, refused: Arc::default() })
    }

    /// Allows what `other` allows, and nothing else, from now on; for all clones. Connections that
    /// were begun go on. What was counted stays counted, also of what may not be dialed any more.
    pub fn replace(&self, other: &Self) {
        let next = other.lists.read().unwrap_or_else(PoisonError::into_inner).listed.clone();
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<_> = lists.listed.iter().chain(&lists.former).cloned().collect();
        lists.listed = next
            .into_iter()
            .map(|listed| {
                let known = before.iter().find(|one| one.destination.is_at(&listed.destination));
                let Some(known) = known else { return listed };
                let Listed { destination, tls, .. } = &*listed;
                let (destination, tls) = (destination.clone(), tls.clone());
                Arc::new(Listed { destination, tls, count: Arc::clone(&known.count) })
            })
            .collect();
        let stays = |one: &Arc<Listed>| {
            lists.listed.iter().any(|listed| listed.destination.is_at(&one.destination))
        };
        let gone = before.iter().filter(|one| one.dials() > 0 && !stays(one)).cloned();
        lists.former = gone.collect();
    }

    /// Looks whether a URL leads to a listed destination.
    ///
    /// # Errors
    /// When it does not. That is counted.
    pub fn permit(&self, url: &str) -> Result<EgressPermit, NotListed> {
        let permit = self.find(url);
        if permit.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        permit
    }

    fn find(&self, url: &str) -> Result<EgressPermit, NotListed> {
        let uri: Uri = url.parse().map_err(|_| NotListed::NoUrl)?;
        let wanted = Destination::of(&uri).map_err(|_| NotListed::NoUrl)?;
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        match lists.listed.iter().find(|listed| listed.destination.is_at(&wanted)) {
            Some(listed) => Ok(EgressPermit { listed: Arc::clone(listed), uri }),
            None => Err(NotListed::Elsewhere { origin: wanted.to_string() }),
        }
    }

    /// How often each destination was dialed: all that left the machine. Those of the list come first,
    /// in its order; then those that were removed from it.
    #[must_use]
    pub fn visits(&self) -> Vec<Visits> {
        let visits = |one: &Arc<Listed>, listed| Visits {
            destination: one.destination.to_string(),
            dials: one.dials(),
            answers: one.count.answers.load(Ordering::Relaxed),
            listed,
        };
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let listed = lists.listed.iter().map(|one| visits(one, true));
        listed.chain(lists.former.iter().map(|one| visits(one, false))).collect()
    }

    /// How often a URL that is not listed was asked for.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn resolver(&self) -> &dyn Resolve {
        &*self.resolver
    }
}

impl EgressPermit {
    /// Where it leads: the destination's origin.
    #[must_use]
    pub fn destination(&self) -> String {
        self.listed.destination.to_string()
    }
}

impl Listed {
    /// Called before a connection is begun.
    pub(crate) fn dialing(&self) {
        self.count.dials.fetch_add(1, Ordering::Relaxed);
    }

    fn dials(&self) -> u64 {
        self.count.dials.load(Ordering::Relaxed)
    }

    pub(crate) fn answered(&self) {
        self.count.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listed({})", self.destination)
    }
}
