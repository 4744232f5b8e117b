//! The sockets of all listeners. All are open before anything else starts: a taken address is
//! reported at once.

use std::net::SocketAddr;

use super::{StartError, Started, reload::Listeners};
use crate::{config::Config, fleet::Fleet, listen::Listener};

/// One open socket for each listener of the configuration.
pub(super) struct Sockets {
    pub(super) api: Listener,
    pub(super) private: Option<Listener>,
    pub(super) operations: Listener,
    pub(super) desk: Option<Listener>,
    pub(super) review: Option<Listener>,
}

impl Sockets {
    /// Opens the sockets.
    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        let (listen, review) = (&config.listen, config.review.as_ref());
        Ok(Self {
            api: bind(listen.api, "listen.api").await?,
            private: bind_if(listen.private, "listen.private").await?,
            operations: bind(listen.operations, "listen.operations").await?,
            desk: bind_if(listen.desk, "listen.desk").await?,
            review: bind_if(review.map(|review| review.listen), "review.listen").await?,
        })
    }

    /// Returns the announcement of the open listeners.
    pub(super) fn started(&self, listeners: &Listeners, fleet: Fleet) -> Started {
        Started {
            api: self.api.address(),
            operations: self.operations.address(),
            private: self.private.as_ref().map(Listener::address),
            desk: self.desk.as_ref().map(Listener::address),
            review: self.review.as_ref().map(Listener::address),
            secure: listeners.api.is_some(),
            operations_secure: listeners.operations.is_some(),
            fleet,
        }
    }
}

async fn bind(address: SocketAddr, field: &'static str) -> Result<Listener, StartError> {
    Listener::bind(address).await.map_err(|source| StartError::Bind { address, field, source })
}

async fn bind_if(
    address: Option<SocketAddr>,
    field: &'static str,
) -> Result<Option<Listener>, StartError> {
    match address {
        Some(address) => Ok(Some(bind(address, field).await?)),
        None => Ok(None),
    }
}
