//! The allow-list, the permits it gives, and the count of what they were used for.

use std::{
    fmt,
    sync::{
        Arc,
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
    listed: Arc<[Arc<Listed>]>,
    resolver: Arc<dyn Resolve>,
    refused: Arc<AtomicU64>,
}

/// One destination, ready to be dialed.
pub(crate) struct Listed {
    pub(crate) destination: Destination,
    /// For `https`.
    pub(crate) tls: Option<TlsConnector>,
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
            let (dials, answers) = (AtomicU64::new(0), AtomicU64::new(0));
            listed.push(Arc::new(Listed { destination, tls, dials, answers }));
        }
        Ok(Self { listed: listed.into(), resolver, refused: Arc::default() })
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
        let listed = self.listed.iter().find(|listed| listed.destination.is_at(&wanted));
        match listed {
            Some(listed) => Ok(EgressPermit { listed: Arc::clone(listed), uri }),
            None => Err(NotListed::Elsewhere { origin: wanted.to_string() }),
        }
    }

    /// How often each destination was dialed: all that left the machine, in the order of the list.
    #[must_use]
    pub fn visits(&self) -> Vec<Visits> {
        let visits = |listed: &Arc<Listed>| Visits {
            destination: listed.destination.to_string(),
            dials: listed.dials.load(Ordering::Relaxed),
            answers: listed.answers.load(Ordering::Relaxed),
        };
        self.listed.iter().map(visits).collect()
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
        self.dials.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listed({})", self.destination)
    }
}
